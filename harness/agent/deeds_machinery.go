package agent

import "path"

// ReplaceSpec puts other content in a file's place; its mode and owner stay. A heal puts the file itself back.
type ReplaceSpec struct {
	Path string `json:"path"`
	Data []byte `json:"data"`
}

// Kind implements Deed.
func (ReplaceSpec) Kind() string { return "replace" }

// OriginalOf is where a replaced file lies until the heal: beside its place, so that what it sources is where it looks.
func OriginalOf(file string) string {
	return path.Join(path.Dir(file), ".firedrill-original-"+path.Base(file))
}

// DNSAPISpec makes the stand-in for the DNS API misbehave by its fault switch.
type DNSAPISpec struct {
	Control    string `json:"control"` // address of the switch
	API        string `json:"api"`     // URL, to ask the API itself and see what comes
	Token      string `json:"token"`
	Mode       string `json:"mode"`                  // an HTTP status, APIHang or APIUnserved
	RetryAfter int    `json:"retry_after,omitempty"` // seconds, with status 429
}

// Modes of DNSAPISpec beside the statuses, in the stand-in's own words.
const (
	APIHang     = "hang"        // takes the request and never answers
	APIUnserved = "accept-only" // accepts changes, and goes on serving what it served
)

// Kind implements Deed.
func (DNSAPISpec) Kind() string { return "dns-api" }

// DNSServerSpec makes the drill's name server misbehave by its fault switch: one of Silent, Delay, Rcode and Address.
type DNSServerSpec struct {
	Control string `json:"control"`        // address of the switch
	Server  string `json:"server"`         // address of the name server, to ask it and see what comes
	Name    string `json:"name,omitempty"` // only this name; empty: all that is served
	Silent  bool   `json:"silent,omitempty"`
	DelayMS int64  `json:"delay_ms,omitempty"`
	Rcode   string `json:"rcode,omitempty"` // a key of Rcodes
	Address string `json:"address,omitempty"`
}

// Kind implements Deed.
func (DNSServerSpec) Kind() string { return "dns-server" }

// Rcodes are the answers that a name server can be made to give to everything (RFC 1035, 4.1.1).
var Rcodes = map[string]int{"SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}
