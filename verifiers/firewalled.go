package verifiers

import "github.com/firedrill/firedrill/harness/record"

// firewalled says what an isolation by a provider's firewall has not isolated: Linode's Cloud Firewall does not filter VLAN
// interfaces (Linode's API documentation, "create firewall"), so that a drill passes where the real thing has a way around it.
func firewalled(run *record.Run, _ succession) []record.Finding {
	for _, f := range run.Faults {
		if f.Name == "datacenter.firewalled" && f.State == record.FaultActive {
			return []record.Finding{finding(record.SeverityWarning, "where your machines have a VLAN, isolate them in the machines themselves: `datacenter \"NAME\" is isolated`",
				"the datacenter was isolated by its provider's firewall, which does not filter VLAN interfaces: what speaks over one was not cut off")}
		}
	}
	return nil
}
