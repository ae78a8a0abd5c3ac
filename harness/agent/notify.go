package agent

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/firedrill/firedrill/harness/record"
)

// notifications turns what an agent reports into the drill's time and hands it to the sink.
type notifications struct{ c *Client }

func (n notifications) Handle(_ context.Context, _ *jsonrpc2.Conn, req *jsonrpc2.Request) {
	if req.Params == nil {
		return
	}
	n.c.mu.Lock()
	sink, shift := n.c.sink, time.Duration(n.c.epoch)+n.c.clock.Offset
	n.c.mu.Unlock()
	if sink == nil {
		return
	}
	switch req.Method {
	case NotifyOp:
		var o record.Op
		if json.Unmarshal(*req.Params, &o) == nil {
			o.Due, o.Start, o.End = o.Due-shift, o.Start-shift, o.End-shift
			sink.Op(o)
		}
	case NotifySample:
		var s record.Sample
		if json.Unmarshal(*req.Params, &s) == nil {
			s.T, s.Asked = s.T-shift, s.Asked-shift
			sink.Sample(s)
		}
	case NotifyProbe:
		var p record.Probe
		if json.Unmarshal(*req.Params, &p) == nil {
			p.T, p.Asked = p.T-shift, p.Asked-shift
			sink.Probe(p)
		}
	case NotifyEvent:
		var e record.Event
		if json.Unmarshal(*req.Params, &e) == nil {
			e.T -= shift
			if e.Node == "" {
				e.Node = n.c.name
			}
			sink.Event(e)
		}
	}
}
