package scenarios

import (
	"context"
	"errors"
	"fmt"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/verifiers"
)

// Finish ends the drill whatever became of it: heals, lets the topology converge, drains the application, reads the
// final state, collects, judges, and takes everything down. Nothing of this is stopped by a cancelled ctx; a
// cancelled ctx only leaves out what is waited for (interrupt). broken is what ended the drill early, if anything.
// The error is about Firedrill itself: a drill that failed is a Judgement, not an error.
func (d *Drill) Finish(ctx context.Context, broken error) (record.Judgement, error) {
	if d.finished {
		return record.Judgement{}, errors.New("finish drill: it is finished already")
	}
	d.finished = true
	interrupted := ctx.Err() != nil
	if broken != nil && !interrupted {
		d.broken(broken)
	}
	d.manifest.Interrupted = interrupted
	switch {
	case d.stands:
		d.end(ctx, interrupted)
	case d.topology != nil: // it did not start: the logs say why
		if err := d.collect(context.WithoutCancel(ctx)); err != nil {
			d.broken(err)
		}
	}
	if d.manifest.Ended == 0 {
		d.manifest.Ended = d.now()
	}
	if err := d.takeDown(ctx); err != nil {
		d.broken(err)
		d.manifest.Residue = append(d.manifest.Residue, err.Error())
	}
	return d.judge()
}

// end goes through the phases between the last step and the verdict.
func (d *Drill) end(ctx context.Context, interrupted bool) {
	if !interrupted {
		d.observe(ctx)
	}
	interrupted = interrupted || ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	d.phase("heal")
	d.endSchedules()
	if err := d.injections.HealAll(ctx); err != nil {
		d.broken(err)
		d.manifest.Residue = append(d.manifest.Residue, err.Error())
	}
	if !interrupted {
		d.converge(ctx)
	}
	complete := !interrupted && len(d.manifest.Errors) == 0
	d.sweep(ctx)
	for _, step := range []func(context.Context) error{d.drain, d.survey} {
		if err := step(ctx); err != nil {
			complete = false
			d.broken(err)
		}
	}
	if d.stopWatch != nil {
		d.stopWatch()
	}
	if err := d.quiet(ctx, agent.ActivityAll); err != nil {
		complete = false
		d.broken(err)
	}
	if err := d.collect(ctx); err != nil {
		d.broken(err)
	}
	d.manifest.Completed = complete
}

func (d *Drill) takeDown(ctx context.Context) error {
	if d.run.Keep {
		d.Note("the topology is kept, as asked: remove it with `firedrill clean`")
		return nil
	}
	d.phase("down")
	err := d.undo.Run(ctx)
	d.phase("gone")
	return err
}

// judge closes the record, reads it back and judges that: what cannot be read again counts for nothing.
func (d *Drill) judge() (record.Judgement, error) {
	err := errors.Join(d.save(), d.rec.Close())
	run, loadErr := record.Load(d.dir)
	if err = errors.Join(err, loadErr); err != nil {
		return record.Judgement{Verdict: record.Inconclusive}, fmt.Errorf("keep record of %s: %w", d.manifest.DrillID, err)
	}
	j := verifiers.Judge(run)
	if err := record.WriteJudgement(d.dir, j); err != nil {
		return j, err
	}
	d.run.judged(d.manifest.DrillID, j)
	if j.Verdict == record.Inconclusive {
		d.stalled = verifiers.Disturbed(run)
	}
	return j, nil
}
