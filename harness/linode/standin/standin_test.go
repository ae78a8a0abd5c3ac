package standin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/dns"
	"github.com/firedrill/firedrill/harness/linode/standin"
)

const token = "standin-test-token"

// start runs a stand-in on loopback until the test, or stop, ends it.
func start(t *testing.T, stateFile string) (l *standin.Listener, stop func()) {
	t.Helper()
	const any = "127.0.0.1:0"
	l, err := standin.Listen(standin.Config{API: any, DNS: any, Control: any, Token: token, StateFile: stateFile})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			assert.NoError(t, err)
		case <-time.After(5 * time.Second):
			t.Error("the stand-in did not end with its context")
		}
	}
	t.Cleanup(stop)
	return l, stop
}

func client(l *standin.Listener, token, version string) *linodego.Client {
	c := linodego.NewClient(nil)
	c.SetBaseURL("http://" + l.APIAddr())
	c.SetAPIVersion(version)
	c.SetToken(token)
	c.SetRetryWaitTime(20 * time.Millisecond)
	c.SetRetryMaxWaitTime(20 * time.Millisecond)
	return &c
}

// shop makes the zone of the drills: shop.test with db at 10.0.0.1.
func shop(t *testing.T, c *linodego.Client) (domain, record int) {
	t.Helper()
	d, err := c.CreateDomain(t.Context(), linodego.DomainCreateOptions{Domain: "shop.test", Type: linodego.DomainTypeMaster,
		SOAEmail: "admin@shop.test", Tags: []string{"drill"}})
	require.NoError(t, err)
	r, err := c.CreateDomainRecord(t.Context(), d.ID, linodego.DomainRecordCreateOptions{Type: linodego.RecordTypeA, Name: "db",
		Target: "10.0.0.1", TTLSec: 30})
	require.NoError(t, err)
	return d.ID, r.ID
}

// resolve is what the name server says now, or its error.
func resolve(t *testing.T, l *standin.Listener, name string) string {
	t.Helper()
	result, err := dns.Lookup(t.Context(), l.DNS.Addr(), name)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s ttl %s", result.Address, result.TTL)
}

func TestARecordIsServedAtOnce(t *testing.T) {
	l, _ := start(t, "")
	for _, version := range []string{"v4", "v4beta"} {
		c := client(l, token, version)
		domain, record := shop(t, c)
		assert.Equal(t, "10.0.0.1 ttl 30s", resolve(t, l, "db.shop.test"))

		updated, err := c.UpdateDomainRecord(t.Context(), domain, record, linodego.DomainRecordUpdateOptions{Target: "10.0.0.2"})
		require.NoError(t, err)
		assert.Equal(t, "10.0.0.2", updated.Target)
		assert.Equal(t, 30, updated.TTLSec, "a PUT is partial")
		assert.Equal(t, "10.0.0.2 ttl 30s", resolve(t, l, "db.shop.test"))

		got, err := c.GetDomainRecord(t.Context(), domain, record)
		require.NoError(t, err)
		assert.Equal(t, updated, got)

		require.NoError(t, c.DeleteDomainRecord(t.Context(), domain, record))
		assert.Contains(t, resolve(t, l, "db.shop.test"), "NXDOMAIN")
		require.NoError(t, c.DeleteDomain(t.Context(), domain))
		assert.Contains(t, resolve(t, l, "db.shop.test"), "REFUSED")
		_, err = c.GetDomain(t.Context(), domain)
		assert.True(t, linodego.IsNotFound(err), "%v", err)
	}
}

func TestAHookFindsItsRecordByFilter(t *testing.T) {
	l, _ := start(t, "")
	c := client(l, token, "v4")
	domain, record := shop(t, c)
	_, err := c.CreateDomain(t.Context(), linodego.DomainCreateOptions{Domain: "other.test", Type: linodego.DomainTypeMaster, SOAEmail: "a@other.test"})
	require.NoError(t, err)
	_, err = c.CreateDomainRecord(t.Context(), domain, linodego.DomainRecordCreateOptions{Type: linodego.RecordTypeTXT, Name: "db", Target: `say "hi"`})
	require.NoError(t, err)

	for filter, want := range map[string]int{
		`{"domain":"shop.test"}`:       1,
		`{"domain":"SHOP.test"}`:       0,
		`{"tags":"drill"}`:             1,
		`{"domain":{"+contains":"."}}`: 2,
		`{"+or":[{"domain":"shop.test"},{"domain":"other.test"}],"+order_by":"domain","+order":"desc"}`: 2,
		`{"+and":[{"type":"master"},{"domain":{"+neq":"shop.test"}}]}`:                                  1,
		``: 2,
	} {
		domains, err := c.ListDomains(t.Context(), linodego.NewListOptions(0, filter))
		require.NoError(t, err, filter)
		assert.Len(t, domains, want, filter)
		if strings.Contains(filter, "desc") {
			assert.Equal(t, "shop.test", domains[0].Domain)
		}
	}
	records, err := c.ListDomainRecords(t.Context(), domain, linodego.NewListOptions(0, `{"type":"A","name":"db"}`))
	require.NoError(t, err)
	require.Len(t, records, 1)
	assert.Equal(t, record, records[0].ID)

	for filter, reason := range map[string]string{
		`{"foo":1}`: "[400] [X-Filter] Cannot filter on foo", `{"domain":`: "[400] [X-Filter]", `{"+or":{}}`: "[400] [X-Filter]",
		`{"+or":[{"bar":1}]}`: "Cannot filter on bar", `{"domain":{"+like":"x"}}`: "+like", `{"+order_by":"nope"}`: "Cannot order by nope",
	} {
		_, err := c.ListDomains(t.Context(), linodego.NewListOptions(0, filter))
		assert.ErrorContains(t, err, reason)
	}
}

func TestPages(t *testing.T) {
	l, _ := start(t, "")
	c := client(l, token, "v4")
	domain, _ := shop(t, c)
	for i := range 59 {
		_, err := c.CreateDomainRecord(t.Context(), domain, linodego.DomainRecordCreateOptions{Type: linodego.RecordTypeA,
			Name: fmt.Sprintf("n%02d", i), Target: "10.0.0.1"})
		require.NoError(t, err)
	}
	all, err := c.ListDomainRecords(t.Context(), domain, &linodego.ListOptions{PageSize: 25})
	require.NoError(t, err)
	assert.Len(t, all, 60)
	path := fmt.Sprintf("/v4/domains/%d/records", domain)
	status, body := do(t, l, "GET", path+"?page=3&page_size=25", "")
	assert.Equal(t, 200, status)
	assert.Equal(t, []any{3.0, 3.0, 60.0, 10}, []any{body["page"], body["pages"], body["results"], len(body["data"].([]any))})
	for query, want := range map[string]int{"?page_size=24": 400, "?page_size=501": 400, "?page=0": 400, "?page=4&page_size=25": 404} {
		status, _ := do(t, l, "GET", path+query, "")
		assert.Equal(t, want, status, query)
	}
}

// do makes a request as curl would, and checks what every answer has.
func do(t *testing.T, l *standin.Listener, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+l.APIAddr()+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	for _, header := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
		assert.NotEmpty(t, resp.Header.Get(header), header)
	}
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(text, &decoded), "%s", text)
	return resp.StatusCode, decoded
}

func TestRefusals(t *testing.T) {
	l, _ := start(t, "")
	domain, record := shop(t, client(l, token, "v4"))
	zone := fmt.Sprintf("/v4/domains/%d", domain)
	rec := fmt.Sprintf("%s/records/%d", zone, record)
	for _, c := range []struct {
		method, path, body string
		status             int
		reason, field      string
	}{
		{"GET", "/v4/domains/shop.test", "", 404, "Not found", ""},
		{"PUT", "/v4/domains/shop.test/records/1", `{"target":"10.0.0.2"}`, 404, "Not found", ""},
		{"GET", zone + "/records/999", "", 404, "Not found", ""},
		{"GET", "/v4/domains/1/health", "", 404, "Not found", ""},
		{"GET", "/", "", 404, "Not found", ""},
		{"PATCH", rec, `{}`, 405, "Method Not Allowed", ""},
		{"PUT", rec, `{"target":"db2"}`, 400, "Must be a valid IPv4 address", "target"},
		{"PUT", rec, `{"target":"2001:db8::1"}`, 400, "Must be a valid IPv4 address", "target"},
		{"PUT", rec, `{"check_port":8008}`, 400, "check_port is not a valid field", "check_port"},
		{"PUT", rec, `{"Target":"10.0.0.2"}`, 400, "Target is not a valid field", "Target"},
		{"PUT", rec, `{"ttl_sec":"30"}`, 400, "Must be of type int", "ttl_sec"},
		{"PUT", rec, `{"type":"AAAA"}`, 400, "The type of a record cannot be changed", "type"},
		{"PUT", rec, `{`, 400, "Invalid JSON", ""},
		{"POST", zone + "/records", `{"name":"x","target":"10.0.0.1"}`, 400, "type is required", "type"},
		{"POST", zone + "/records", `{"type":"HINFO","target":"x"}`, 400, "Must be one of A, AAAA, NS, MX, CNAME, TXT, SRV, PTR, CAA", "type"},
		{"POST", "/v4/domains", `{"domain":"shop.test","type":"master","soa_email":"a@b.c"}`, 400, "Domain already exists", "domain"},
		{"POST", "/v4/domains", `{"domain":"new.test","type":"master"}`, 400, "soa_email required when type=master", "soa_email"},
	} {
		status, body := do(t, l, c.method, c.path, c.body)
		assert.Equal(t, c.status, status, "%s %s %s", c.method, c.path, c.body)
		want := map[string]any{"reason": c.reason}
		if c.field != "" {
			want["field"] = c.field
		}
		assert.Equal(t, map[string]any{"errors": []any{want}}, body, "%s %s %s", c.method, c.path, c.body)
	}
	assert.Equal(t, "10.0.0.1 ttl 30s", resolve(t, l, "db.shop.test"), "a refused change must leave no trace")
}

func TestAWrongTokenIsRefused(t *testing.T) {
	l, _ := start(t, "")
	_, err := client(l, "wrong", "v4").ListDomains(t.Context(), nil)
	assert.EqualError(t, err, "[401] Invalid Token")
	_, err = client(l, "", "v4").ListDomains(t.Context(), nil)
	assert.ErrorContains(t, err, "401")
	_, err = standin.Listen(standin.Config{API: "127.0.0.1:0", DNS: "127.0.0.1:0"})
	assert.ErrorContains(t, err, "token is empty")
}

// The key sets are those of the API's recorded answers.
func TestTheKeysAreTheAPIs(t *testing.T) {
	l, _ := start(t, "")
	domain, record := shop(t, client(l, token, "v4"))
	zone := fmt.Sprintf("/v4/domains/%d", domain)
	domainKeys := "axfr_ips created description domain errors expire_sec group id master_ips refresh_sec retry_sec soa_email status tags ttl_sec type updated"
	recordKeys := "created id name port priority protocol service tag target ttl_sec type updated weight"
	first := func(body map[string]any) map[string]any { return body["data"].([]any)[0].(map[string]any) }
	for _, c := range []struct {
		method, path, body, keys string
		listed                   bool
	}{
		{"GET", "/v4/domains", "", domainKeys, true},
		{"GET", zone, "", domainKeys, false},
		{"PUT", zone, `{"ttl_sec":300}`, domainKeys, false},
		{"GET", zone + "/records", "", recordKeys, true},
		{"GET", fmt.Sprintf("%s/records/%d", zone, record), "", recordKeys, false},
		{"PUT", fmt.Sprintf("%s/records/%d", zone, record), `{"ttl_sec":0}`, recordKeys, false},
		{"POST", zone + "/records", `{"type":"A","name":"x","target":"10.0.0.1"}`, recordKeys, false},
	} {
		status, body := do(t, l, c.method, c.path, c.body)
		require.Equal(t, 200, status, c.path)
		if c.listed {
			assert.Equal(t, "data page pages results", keys(body))
			body = first(body)
		}
		assert.Equal(t, c.keys, keys(body), c.path)
		assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`, body["updated"])
		if c.keys == recordKeys {
			assert.Equal(t, []any{nil, nil, nil, 0.0}, []any{body["service"], body["protocol"], body["tag"], body["priority"]}, "unset keys")
		}
	}
	status, body := do(t, l, "DELETE", fmt.Sprintf("%s/records/%d", zone, record), "")
	assert.Equal(t, 200, status)
	assert.Empty(t, body)
}

func keys(object map[string]any) string {
	var all []string
	for key := range object {
		all = append(all, key)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestWhatTheAPIMakesOfInput(t *testing.T) {
	l, _ := start(t, "")
	domain, record := shop(t, client(l, token, "v4"))
	path := fmt.Sprintf("/v4/domains/%d/records", domain)
	for given, kept := range map[int]float64{0: 0, 1: 30, 30: 30, 60: 120, 300: 300, 600: 3600, 9999999: 2419200} {
		_, body := do(t, l, "PUT", fmt.Sprintf("%s/%d", path, record), fmt.Sprintf(`{"ttl_sec":%d}`, given))
		assert.Equal(t, kept, body["ttl_sec"], "ttl_sec %d", given)
	}
	_, got := do(t, l, "GET", fmt.Sprintf("%s/%d", path, record), "")
	got["target"] = "10.0.0.7"
	whole, err := json.Marshal(got)
	require.NoError(t, err)
	status, _ := do(t, l, "PUT", fmt.Sprintf("%s/%d", path, record), string(whole))
	assert.Equal(t, 200, status, "a record that was read can be changed and sent back whole")
	_, body := do(t, l, "POST", path, `{"type":"A","name":"www.shop.test","target":"[remote_addr]"}`)
	assert.Equal(t, []any{"www", "127.0.0.1"}, []any{body["name"], body["target"]})
	for _, text := range []string{
		`{"type":"AAAA","name":"six","target":"2001:db8::1"}`, `{"type":"CNAME","name":"alias","target":"db.shop.test"}`,
		`{"type":"MX","target":"mail.shop.test","priority":10}`, `{"type":"TXT","name":"t","target":"a \"b\""}`,
		`{"type":"SRV","service":"pg","protocol":"tcp","target":"db.shop.test","port":5432}`, `{"type":"CAA","tag":"issue","target":"ca.test"}`,
	} {
		status, body := do(t, l, "POST", path, text)
		assert.Equal(t, 200, status, "%s: %v", text, body)
	}
	assert.Contains(t, resolve(t, l, "alias.shop.test"), "10.0.0.7")
}

func TestRecordsOutliveARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "state.json")
	l, stop := start(t, file)
	c := client(l, token, "v4")
	domain, record := shop(t, c)
	_, err := c.UpdateDomainRecord(t.Context(), domain, record, linodego.DomainRecordUpdateOptions{Target: "10.0.0.2"})
	require.NoError(t, err)
	stop()
	l, _ = start(t, file)
	assert.Equal(t, "10.0.0.2 ttl 30s", resolve(t, l, "db.shop.test"))
	got, err := client(l, token, "v4").GetDomainRecord(t.Context(), domain, record)
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.2", got.Target)
	made, err := client(l, token, "v4").CreateDomainRecord(t.Context(), domain, linodego.DomainRecordCreateOptions{Type: "A", Name: "x", Target: "10.0.0.9"})
	require.NoError(t, err)
	assert.Greater(t, made.ID, record, "numbers are never given twice")
}

// control sets a fault the way a controller does.
func control(t *testing.T, l *standin.Listener, method, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+l.ControlAddr()+"/firedrill/fault", strings.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	return resp.StatusCode
}

func TestFaults(t *testing.T) {
	l, _ := start(t, "")
	c := client(l, token, "v4")
	domain, record := shop(t, c)
	flip := func(target string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := c.UpdateDomainRecord(ctx, domain, record, linodego.DomainRecordUpdateOptions{Target: target})
		return err
	}
	assert.Equal(t, 400, control(t, l, "POST", `{"mode":"sideways"}`))

	require.Equal(t, 200, control(t, l, "POST", `{"mode":"500","count":1,"methods":["PUT"]}`))
	_, err := c.ListDomains(t.Context(), nil)
	assert.NoError(t, err, "only PUT fails")
	assert.EqualError(t, flip("10.0.0.2"), "[500] Internal Server Error")
	assert.NoError(t, flip("10.0.0.2"), "it heals when it is used up")

	require.Equal(t, 200, control(t, l, "POST", `{"mode":"401"}`))
	assert.EqualError(t, flip("10.0.0.3"), "[401] Invalid Token")

	require.Equal(t, 200, control(t, l, "POST", `{"mode":"429","retry_after":1,"count":1}`))
	resp, err := http.Get("http://" + l.APIAddr() + "/v4/domains")
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, []any{429, "1"}, []any{resp.StatusCode, resp.Header.Get("Retry-After")})

	require.Equal(t, 200, control(t, l, "POST", `{"mode":"hang"}`))
	assert.ErrorContains(t, flip("10.0.0.3"), "deadline exceeded")
	assert.Equal(t, "10.0.0.2 ttl 30s", resolve(t, l, "db.shop.test"))

	require.Equal(t, 200, control(t, l, "POST", `{"mode":"accept-only"}`))
	assert.NoError(t, flip("10.0.0.4"))
	got, err := c.GetDomainRecord(t.Context(), domain, record)
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.4", got.Target, "the API says yes")
	assert.Equal(t, "10.0.0.2 ttl 30s", resolve(t, l, "db.shop.test"), "and it is not served")
	assert.Equal(t, standin.FaultAcceptOnly, l.Server.Fault().Mode)

	require.Equal(t, 200, control(t, l, "DELETE", ""))
	assert.Equal(t, "10.0.0.4 ttl 30s", resolve(t, l, "db.shop.test"))
}

func TestItEndsWithAHungRequest(t *testing.T) {
	l, stop := start(t, "")
	require.NoError(t, l.Server.SetFault(standin.Fault{Mode: standin.FaultHang}))
	failed := make(chan error, 1)
	go func() {
		_, err := http.Get("http://" + l.APIAddr() + "/v4/domains")
		failed <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	stop()
	assert.Error(t, <-failed)
}
