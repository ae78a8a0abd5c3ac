package failover

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/linode/linodego"
)

// zone is the name's record, through the Linode API.
type zone struct {
	api  linodego.Client
	name string
}

func newZone(cfg Config, token string) zone {
	z := zone{linodego.NewClient(&http.Client{Timeout: flipTimeout}), cfg.Name}
	z.api.SetBaseURL(cfg.API).SetAPIVersion("v4").SetToken(token)
	z.api.SetRetryMaxWaitTime(time.Second)
	return z
}

// find returns the record, and the domain that it is in.
func (z zone) find(ctx context.Context) (domain int, record linodego.DomainRecord, err error) {
	domains, err := z.api.ListDomains(ctx, nil)
	if err != nil {
		return 0, record, fmt.Errorf("list domains: %w", err)
	}
	for _, d := range domains {
		host, ours := strings.CutSuffix(z.name, "."+d.Domain)
		if !ours {
			continue
		}
		records, err := z.api.ListDomainRecords(ctx, d.ID, nil)
		if err != nil {
			return 0, record, fmt.Errorf("list records: %w", err)
		}
		for _, r := range records {
			if r.Name == host && r.Type == linodego.RecordTypeA {
				return d.ID, r, nil
			}
		}
	}
	return 0, record, errors.New("it is not there")
}

// target is the address that the record has.
func (z zone) target(ctx context.Context) (string, error) {
	_, r, err := z.find(ctx)
	return r.Target, err
}

// set gives the record another address.
func (z zone) set(ctx context.Context, address string) error {
	domain, r, err := z.find(ctx)
	if err != nil {
		return err
	}
	_, err = z.api.UpdateDomainRecord(ctx, domain, r.ID, linodego.DomainRecordUpdateOptions{Target: address})
	return err
}
