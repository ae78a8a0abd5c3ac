package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"
)

// tailLines is how much of a failed build's output is shown.
const tailLines = 20

// build makes one image and tells about it.
func (b *Builder) build(ctx context.Context, s *step) error {
	if ctx.Err() != nil {
		return fmt.Errorf("build image %s: %w", s.name, context.Cause(ctx))
	}
	if s.name == Base {
		from, err := b.baseImage(ctx)
		if err != nil {
			return err
		}
		s.args["BASE"] = from
	}
	start := time.Now()
	b.progress.say("image %s: building ...", s.name)
	output, err := b.buildImage(ctx, s)
	if ctx.Err() != nil {
		return fmt.Errorf("build image %s: %w", s.name, context.Cause(ctx))
	}
	if err != nil {
		advice := advise(output, err)
		b.progress.say("image %s: failed after %s; its last output:\n%s\nimage %s: %s",
			s.name, since(start), indent(output), s.name, advice)
		return fmt.Errorf("build image %s: %w (%s)", s.name, err, advice)
	}
	b.progress.say("image %s: built in %s", s.name, since(start))
	return nil
}

// buildImage sends the context and follows the build. The output is the end of what the build printed.
func (b *Builder) buildImage(ctx context.Context, s *step) (output []string, err error) {
	pr, pw := io.Pipe()
	defer pr.Close()
	go func() { pw.CloseWithError(s.context.writeTar(pw)) }()

	args := b.proxyArgs(ctx)
	for key, value := range s.args {
		args[key] = &value
	}
	res, err := b.engine.ImageBuild(ctx, pr, client.ImageBuildOptions{
		Tags:        []string{s.ref},
		Labels:      map[string]string{Label: s.name},
		BuildArgs:   args,
		Version:     build.BuilderV1,
		NetworkMode: "host",
		Remove:      true,
		ForceRemove: true,
	})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return follow(res.Body)
}

// follow reads an engine's stream of messages to its end and returns the last lines, and the error that it reported.
func follow(r io.Reader) ([]string, error) {
	var tail []string
	for dec := json.NewDecoder(r); ; {
		var m jsonstream.Message
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return tail, nil
		} else if err != nil {
			return tail, fmt.Errorf("read the engine's answer: %w", err)
		}
		for line := range strings.Lines(m.Stream) {
			if line = strings.TrimSpace(line); line != "" {
				tail = append(tail, line)
			}
		}
		if len(tail) > tailLines {
			tail = tail[len(tail)-tailLines:]
		}
		if m.Error != nil {
			return tail, m.Error
		}
	}
}

// advise says in one line what to do about a failed build.
func advise(output []string, err error) string {
	text := strings.Join(output, "\n") + "\n" + err.Error()
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has("No space left", "no space left"):
		return "the disk is full: see `docker system df`, free some space and run again"
	case has("Could not resolve", "Temporary failure resolving", "Could not connect", "Unable to connect", "Connection failed"):
		return "builds cannot reach the package mirror: check the network and the proxy (http_proxy) of the machine that runs the engine"
	case has("Unable to locate package", "404  Not Found", "held broken packages", "unmet dependencies"):
		return "the package mirror has not (or no longer) what is needed: does it carry trixie and sid? If it was just being updated, run again"
	case has("certificate"):
		return "the package mirror's certificate is not trusted in the build: use the mirror over http, or install its CA on this machine"
	}
	return "see the output above; run again once its cause is gone, what was built is kept"
}

func indent(lines []string) string {
	if len(lines) == 0 {
		return "    (none)"
	}
	return "    " + strings.Join(lines, "\n    ")
}
