package workload

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// HTTP is the driver of an application that writes through a web tier, which writes to its database in turn.
const HTTP = "http"

// What a web tier answers to: a row is written with POST PathRows, and PathWho says who is behind it.
const (
	PathRows = "/rows" // ?id=...&attempt=...
	PathWho  = "/who"
)

// Answer is what a web tier says: the server as the database calls itself, or why not.
type Answer struct {
	Server   string `json:"server,omitempty"`
	Writable bool   `json:"writable,omitempty"`
	Error    string `json:"error,omitempty"`
}

// maxAnswer bounds an answer that is read; a proxy's own error page is shorter.
const maxAnswer = 4096

type httpDriver struct {
	host string // host:port
	dial dialFunc
}

func openHTTP(db agent.Database, dial dialFunc) Driver {
	return httpDriver{net.JoinHostPort(db.Host, strconv.Itoa(db.Port)), dial}
}

// Write asks the web tier for the row. A 503 is a write that was not done: the web tier says so when its database refused,
// and a proxy when it had nobody to send the request to. All else that is no 200 may have been done (502 and 504 are a
// proxy's word for an answer that was lost).
func (d httpDriver) Write(ctx context.Context, id int64, attempt int) Result {
	s, err := d.connect(ctx)
	if err != nil {
		return Result{Outcome: record.Rejected, Err: err}
	}
	defer s.Close()
	query := url.Values{"id": {strconv.FormatInt(id, 10)}, "attempt": {strconv.Itoa(attempt)}}
	status, answer, err := s.ask(ctx, http.MethodPost, PathRows+"?"+query.Encode())
	switch {
	case err != nil:
		return Result{Outcome: record.Indeterminate, Err: err}
	case status == http.StatusOK && answer.Server != "":
		return Result{Outcome: record.Acked, Server: answer.Server}
	case status == http.StatusServiceUnavailable:
		return Result{Outcome: record.Rejected, Err: answer.err(status)}
	}
	return Result{Outcome: record.Indeterminate, Err: answer.err(status)}
}

func (a Answer) err(status int) error { return fmt.Errorf("status %d: %s", status, a.Error) }

func (d httpDriver) Connect(ctx context.Context) (Session, error) { return d.connect(ctx) }

func (d httpDriver) connect(ctx context.Context) (*httpSession, error) {
	conn, err := d.dial(ctx, "tcp", d.host)
	if err != nil {
		return nil, err
	}
	return &httpSession{conn: conn, in: bufio.NewReader(conn), host: d.host}, nil
}

// httpSession is one connection. Each question is asked on it and no other, so that none is sent twice.
type httpSession struct {
	conn net.Conn
	in   *bufio.Reader
	host string
}

func (s *httpSession) ask(ctx context.Context, method, path string) (status int, answer Answer, err error) {
	deadline, _ := ctx.Deadline() // none is zero, which is none to the connection, too
	if err := s.conn.SetDeadline(deadline); err != nil {
		return 0, answer, err
	}
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.host+path, nil)
	if err != nil {
		return 0, answer, fmt.Errorf("make request: %w", err)
	}
	if err := req.Write(s.conn); err != nil {
		return 0, answer, fmt.Errorf("send request: %w", err)
	}
	resp, err := http.ReadResponse(s.in, req)
	if err != nil {
		return 0, answer, fmt.Errorf("read answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, answer, fmt.Errorf("read answer: %w", err)
	}
	if json.Unmarshal(body, &answer) != nil {
		answer = Answer{Error: "not from the web tier"}
	}
	return resp.StatusCode, answer, nil
}

func (s *httpSession) Who(ctx context.Context) (string, bool, error) {
	status, answer, err := s.ask(ctx, http.MethodGet, PathWho)
	if err == nil && status != http.StatusOK {
		err = answer.err(status)
	}
	return answer.Server, answer.Writable, err
}

func (s *httpSession) Close() { _ = s.conn.Close() }
