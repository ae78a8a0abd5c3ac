package mysql

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// askUDP sends one datagram and prints the answer. bash alone can do it, which every image of ours has.
const askUDP = `exec 3<>"/dev/udp/$1/$2"; base64 -d >&3; timeout 1 dd bs=4096 count=1 <&3 2>/dev/null | base64 -w0`

// resolve asks a resolver for a name from inside a node, as the application there would. The controller itself may
// have no route to the drilled network.
func resolve(ctx context.Context, from *harness.Node, resolver, name string) (string, error) {
	question := new(mdns.Msg).SetQuestion(mdns.Fqdn(name), mdns.TypeA)
	packed, err := question.Pack()
	if err != nil {
		return "", fmt.Errorf("pack question: %w", err)
	}
	host, port, err := net.SplitHostPort(resolver)
	if err != nil {
		return "", fmt.Errorf("ask resolver: %w", err)
	}
	out, err := from.Agent.Exec(ctx, agent.Command{
		Argv: []string{"bash", "-c", askUDP, "resolve", host, port}, Stdin: base64.StdEncoding.EncodeToString(packed), Timeout: 2 * time.Second,
	})
	if err != nil {
		return "", err
	}
	return firstAddress(strings.TrimSpace(out.Stdout))
}

// firstAddress decodes an answer.
func firstAddress(encoded string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", fmt.Errorf("decode answer: %w", err)
	}
	if len(data) == 0 {
		return "", errors.New("no answer")
	}
	var reply mdns.Msg
	if err := reply.Unpack(data); err != nil {
		return "", fmt.Errorf("decode answer: %w", err)
	}
	for _, rr := range reply.Answer {
		if a, ok := rr.(*mdns.A); ok {
			return a.A.String(), nil
		}
	}
	return "", fmt.Errorf("no address (%s)", mdns.RcodeToString[reply.Rcode])
}
