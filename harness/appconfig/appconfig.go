// Package appconfig is the way to an application's host by which its configuration is changed from elsewhere: in
// production that is ssh, or an agent of configuration management. Whoever asks sends an address and nothing else; what is
// done with it is a command of the host's own.
package appconfig

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os/exec"
	"strings"
	"time"
)

// commandWithin bounds one run of the command.
const commandWithin = 10 * time.Second

// Handler answers PUT / with an IPv4 address as the body by running command with the address after it: 204 when it ended
// with 0, else 500 and what it said.
func Handler(command []string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /{$}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 64))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		address, err := netip.ParseAddr(strings.TrimSpace(string(body)))
		if err != nil || !address.Is4() {
			http.Error(w, "the body is no IPv4 address", http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), commandWithin)
		defer cancel()
		argv := append(append([]string{}, command...), address.String())
		if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
			http.Error(w, fmt.Sprintf("%s: %s: %s", argv[0], err, out), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}
