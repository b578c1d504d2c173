package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/tools/internal/consistency"
	"boxoffice.dev/tools/internal/stack"
)

// options are the options of a trial.
type options struct {
	seed     uint64
	duration time.Duration
	clients  int
	race     bool     // build the services with the race detector
	sabotage sabotage // none by default
	patience time.Duration
	say      func(format string, args ...any) // prints progress
}

// hold is the time until an unpaid order expires: short, so that many expire within a run.
const hold = 3 * time.Second

// trial is one system under test.
type trial struct {
	*stack.Stack
	options
	dir     string
	history *history
	clients []*client
	begun   time.Time
	ended   []string

	tap     *tap
	tapping sync.WaitGroup
	tapped  context.CancelFunc
}

// begin starts a system, signs clients up and begins to collect all events.
func begin(ctx context.Context, o options) (_ *trial, err error) {
	t := &trial{options: o, begun: time.Now(), history: &history{}, tapped: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	root, err := stack.Root()
	if err != nil {
		return nil, err
	}
	if t.dir, err = stack.TempDir(); err != nil {
		return nil, err
	}
	t.Stack, err = stack.Start(ctx, stack.Options{
		Dir: t.dir, Root: root, Specs: stack.Specs(), Database: "prove", Environ: os.Environ(), Throwaway: true,
		Race: o.race, Tags: o.sabotage.tags, PostgresSettings: []string{"track_commit_timestamp=on"}, Progress: o.say,
		Settings: settings(o),
	})
	if err != nil {
		return nil, err
	}
	if t.tap, err = openTap(t.BrokerURL); err != nil {
		return nil, err
	}
	tapping, stop := context.WithCancel(ctx)
	t.tapped = stop
	t.tapping.Go(func() { t.tap.collect(tapping) })

	if t.clients, err = newClients(ctx, o.clients, o.seed, everyday(o.clients), t.Endpoint(), t.history); err != nil {
		return nil, err
	}
	return t, nil
}

// settings shorten the product's timeouts. The seed chooses how the card processor delivers its webhooks and what a
// failed payment does to its order.
func settings(o options) map[string][]string {
	webhooks := []string{"prompt", "late", "twice", "shuffled", "never"}[o.seed%5]
	failure := []string{"cancel", "retry"}[o.seed/5%2]
	o.say("webhooks %s; a failed payment: %s", webhooks, failure)
	return map[string][]string{
		"auth":   {"SIGN_UPS_PER_ADDRESS=1000000", "PASSWORD_MEMORY_KIB=64", "ACCESS_TOKEN_TTL=12h"},
		"orders": {"HOLD=" + hold.String(), "PAYMENT_GRACE=2s", "PAYMENT_FAILURE=" + failure},
		"payments": {
			"PAYMENT_WAIT=2s", "PAYMENT_GIVE_UP=5s", "FAILED_PAYMENTS_PER_HOUR=1000000",
		},
		"stripesim": {"SIMULATOR_WEBHOOKS=" + webhooks},
	}
}

func (t *trial) close() error {
	t.tapped()
	t.tapping.Wait()
	var errs []error
	if t.Stack != nil {
		errs = append(errs, t.Stop())
	}
	if t.dir != "" {
		errs = append(errs, stack.Remove(t.dir))
	}
	return errors.Join(errs...)
}

// run lets the clients act for the duration while faults strike, and then heals the system. A sabotage replaces the
// faults; the clients stop when it has done its damage.
func (t *trial) run(ctx context.Context) error {
	begin := time.Now()
	done, stop := context.WithTimeout(ctx, t.duration)
	defer stop()
	var acting sync.WaitGroup
	for _, c := range t.clients {
		if t.sabotage.provoke != nil {
			c.mix = rush
		}
		acting.Go(func() { c.act(ctx, done) })
	}
	var err error
	if t.sabotage.provoke != nil {
		if err = t.sabotage.provoke(ctx, done, t.Stack); err != nil {
			err = fmt.Errorf("sabotage %s: %w", t.sabotage.name, err)
		}
		t.say("%5.1f s  sabotage %s done", time.Since(begin).Seconds(), t.sabotage.name)
		stop()
	} else if err = t.strike(ctx, done, begin); err != nil {
		stop()
	}
	acting.Wait()
	if err != nil {
		return err
	}
	healing := time.Now()
	if err := heal(ctx, t.Stack); err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	t.say("healed in %.1f s", time.Since(healing).Seconds())
	return nil
}

// strike injects the faults, one after the other, and heals the system after each.
func (t *trial) strike(ctx, done context.Context, begin time.Time) error {
	strikes := schedule(stream(t.seed, 0), allFaults(), t.duration)
	for _, s := range strikes {
		if wait(done, time.Until(begin.Add(s.at))); done.Err() != nil {
			return ctx.Err()
		}
		struck := time.Now()
		if err := s.strike(ctx, t.Stack, s.down); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		for _, spec := range stack.Specs() {
			if !slices.Contains(s.ends, spec.Name) && !t.Service(spec.Name).Running() {
				at := struck.UTC().Format(time.RFC3339Nano)
				t.ended = append(t.ended, fmt.Sprintf("%s ended unexpectedly at %s during: %s", spec.Name, at, s.name))
			}
		}
		if err := heal(ctx, t.Stack); err != nil {
			return fmt.Errorf("heal after %s: %w", s.name, err)
		}
		t.say("%5.1f s  %s: healed after %.1f s", struck.Sub(begin).Seconds(), s.name, time.Since(struck).Seconds())
	}
	<-done.Done()
	return ctx.Err()
}

// judge waits until the system is at rest, stops the services and checks every invariant.
func (t *trial) judge(ctx context.Context) (*evidence, []verdict, error) {
	settling := time.Now()
	if err := t.settle(ctx); err != nil {
		return nil, nil, err
	}
	t.say("settled in %.1f s", time.Since(settling).Seconds())
	reconciled, err := t.databases().Reconcile(ctx, "http://"+t.Service(events.Payments).AdminAddr+"/ledger", t.begun, time.Second)
	if err != nil {
		return nil, nil, err
	}
	for _, spec := range stack.Specs() {
		if !t.Service(spec.Name).Running() {
			t.ended = append(t.ended, spec.Name+" ended unexpectedly after all faults")
		}
		if err := t.Service(spec.Name).Stop(); err != nil {
			return nil, nil, fmt.Errorf("stop %s: %w", spec.Name, err)
		}
	}
	crashes, err := t.crashes()
	if err != nil {
		return nil, nil, err
	}
	e, err := gather(ctx, t.databases(), t.BrokerURL)
	if err != nil {
		return nil, nil, err
	}
	e.Reconciled = reconciled
	e.Ops, e.Events, e.Services, e.Ended = t.history.all(), t.tap.all(), len(stack.Specs()), slices.Concat(crashes, t.ended)
	for _, c := range t.clients {
		e.Users = append(e.Users, c.userID)
	}
	return e, judge(e), nil
}

// crash matches the first line of a crash or a data race in a log.
var crash = regexp.MustCompile(`(?m)^(panic: |fatal error: |WARNING: DATA RACE).*$`)

// crashes returns the lines in the services' logs that report a crash or a data race.
func (t *trial) crashes() ([]string, error) {
	var found []string
	for _, service := range t.Services() {
		log, err := os.ReadFile(service.LogFile())
		if err != nil {
			return nil, fmt.Errorf("read log of %s: %w", service.Name, err)
		}
		for _, line := range crash.FindAllString(string(log), -1) {
			found = append(found, service.Name+": "+line)
		}
	}
	return found, nil
}

func (t *trial) databases() consistency.Databases {
	return func(service string) (string, error) { return t.ServiceDatabaseURL(service), nil }
}

// keep writes the clients' history, the evidence, the services' logs and drawings of impossible histories to a folder.
func (t *trial) keep(e *evidence, verdicts []verdict, folder string) error {
	logs := os.DirFS(filepath.Dir(t.Service("router").LogFile()))
	if err := errors.Join(os.RemoveAll(folder), os.CopyFS(folder, logs)); err != nil {
		return fmt.Errorf("keep logs: %w", err)
	}
	for name, content := range map[string]any{"history.json": e.Ops, "evidence.json": e} {
		text, err := json.MarshalIndent(content, "", " ")
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o600)
		}
		if err != nil {
			return fmt.Errorf("keep evidence: %w", err)
		}
	}
	const drawings = 5
	registers := e.registers()
	for _, v := range verdicts {
		for _, ticket := range v.Tickets[:min(drawings, len(v.Tickets))] {
			_, info := porcupine.CheckOperationsVerbose(register, registers[ticket], maxSearch)
			if err := porcupine.VisualizePath(register, info, filepath.Join(folder, ticket+".html")); err != nil {
				return fmt.Errorf("draw history of %s: %w", ticket, err)
			}
		}
	}
	return nil
}
