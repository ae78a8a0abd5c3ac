package agent

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Transport makes HTTP requests from inside the node, so that a client of Orchestrator's, Patroni's or Linode's API
// needs no route to the drilled network.
func (c *Client) Transport() http.RoundTripper { return transport{c} }

type transport struct{ c *Client }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	r := HTTPRequest{Method: req.Method, URL: req.URL.String(), Header: req.Header}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("read request body: %w", err)
		}
		r.Body = body
	}
	if deadline, ok := req.Context().Deadline(); ok {
		r.Timeout = time.Until(deadline)
	}
	resp, err := call[HTTPResponse](req.Context(), t.c, MethodHTTP, r)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", resp.Status, http.StatusText(resp.Status)), StatusCode: resp.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: resp.Header, Body: io.NopCloser(bytes.NewReader(resp.Body)), ContentLength: int64(len(resp.Body)), Request: req,
	}, nil
}
