package injectors

// Builtin is every fault that Firedrill ships. A new fault is one new file and one line here.
func Builtin() *Registry {
	r := NewRegistry()
	Register(r, "process.kill", processKillDoc, newProcessKill)
	Register(r, "process.stop", processStopDoc, newProcessStop)
	Register(r, "process.freeze", processFreezeDoc, newProcessFreeze)
	Register(r, "host.lost", hostLostDoc, newHostLost)
	Register(r, "net.partition", netPartitionDoc, newNetPartition)
	Register(r, "datacenter.isolation", datacenterIsolationDoc, newDatacenterIsolation)
	return r
}
