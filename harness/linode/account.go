package linode

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/linode/linodego"
)

// Variables that say which account is used, and how. The first two are linodego's own.
const (
	TokenVariable     = "LINODE_TOKEN"
	URLVariable       = "LINODE_URL"
	TokenFileVariable = "LINODE_TOKEN_FILE"
)

// DefaultURL is the API of the real thing, which costs money.
const DefaultURL = "https://api.linode.com"

// Account is where machines are made, and with which token.
type Account struct {
	URL   *url.URL
	token string
}

// FindAccount reads the account from the environment. The token comes from there or from a file that nobody else can
// read, never from a command line, which everybody on the machine can see.
func FindAccount(getenv func(string) string) (Account, error) {
	address := getenv(URLVariable)
	if address == "" {
		address = DefaultURL
	}
	u, err := parseURL(address)
	if err != nil {
		return Account{}, fmt.Errorf("%s: %w", URLVariable, err)
	}
	token := getenv(TokenVariable)
	if path := getenv(TokenFileVariable); token == "" && path != "" {
		if token, err = readToken(path); err != nil {
			return Account{}, fmt.Errorf("%s: %w", TokenFileVariable, err)
		}
	}
	if token == "" {
		return Account{}, fmt.Errorf("no token: set %s, or %s to a file of mode 0600", TokenVariable, TokenFileVariable)
	}
	return Account{URL: u, token: token}, nil
}

// silence is a logger: linodego's would write to standard error, and what went wrong is in the error.
type silence struct{}

func (silence) Errorf(string, ...any) {}
func (silence) Warnf(string, ...any)  {}
func (silence) Debugf(string, ...any) {}

// String and GoString keep the token out of whatever is printed.
func (a Account) String() string { return a.URL.String() }

// GoString is String.
func (a Account) GoString() string { return a.String() }

// Real says that what is made there is paid for.
func (a Account) Real() bool {
	return a.URL.Hostname() == "linode.com" || strings.HasSuffix(a.URL.Hostname(), ".linode.com")
}

// parseURL refuses what linodego takes badly (an address without a scheme makes it panic), and a token on its way through a
// network in the clear.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not an address such as %s", text, DefaultURL)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%q: only a scheme, a host and a port are wanted", u.Redacted())
	}
	if u.Scheme == "http" && !near(u.Hostname()) {
		return nil, fmt.Errorf("%q: the token would go through the network in the clear: use https", text)
	}
	return u, nil
}

// near says that a host is this machine, or an address of a private network.
func near(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && (a.IsLoopback() || a.IsPrivate() || benchmarks.Contains(a))
}

// benchmarks is where the networks of our containers are (RFC 2544).
var benchmarks = netip.MustParsePrefix("198.18.0.0/15")

func readToken(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 || info.Mode()&fs.ModeType != 0 {
		return "", fmt.Errorf("%s: others can read it: chmod 600 it, and have a new token made", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, " \n\t") {
		return "", errors.New(path + ": it is to have the token and nothing else")
	}
	return token, nil
}

// How often the API is asked while something is under way, and again after it refused for the moment.
const (
	pollReal, pollNear   = 3 * time.Second, 100 * time.Millisecond
	retryReal, retryNear = 3 * time.Second, 100 * time.Millisecond
)

// client makes a client of the API. The transport is for a rehearsal; nil is the network.
func (a Account) client(transport http.RoundTripper) *linodego.Client {
	if transport == nil {
		transport = http.DefaultTransport
	}
	c := linodego.NewClient(&http.Client{Transport: transport})
	c.SetBaseURL(a.URL.String())
	c.SetAPIVersion("v4")
	c.SetToken(a.token)
	c.UseCache(false)
	c.SetLogger(silence{})
	poll, retry := pollReal, retryReal
	if !a.Real() {
		poll, retry = pollNear, retryNear
	}
	c.SetPollDelay(poll)
	c.SetRetryWaitTime(retry)
	return &c
}
