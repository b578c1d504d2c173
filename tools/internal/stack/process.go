package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program describes a child process.
type program struct {
	name    string         // of its log and pid files
	dir     string         // holds name.log and name.pid
	cmd     *exec.Cmd      // not started
	marker  string         // part of the command line that identifies the process to later runs
	end     syscall.Signal // ends the process gracefully
	orphan  syscall.Signal // sent when this process dies first, on Linux
	timeout time.Duration  // for the graceful end, before it is killed
}

// process is a running child.
type process struct {
	program
	done chan struct{} // closed when the process has ended
	err  error         // of Wait; valid once done is closed
}

// run starts the program, after it has ended the process that an earlier run left behind.
func (p program) run() (*process, error) {
	if err := p.endStale(); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", p.name, err)
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if p.cmd.SysProcAttr == nil {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	p.cmd.SysProcAttr.Setpgid = true // Ctrl-C in the terminal reaches this process only
	endWithParent(p.cmd.SysProcAttr, p.orphan)

	c := &process{program: p, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that forked ends, so this thread must outlive the child.
		runtime.LockOSThread()
		defer log.Close()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		c.err = p.cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	if err := os.WriteFile(p.pidFile(), fmt.Appendln(nil, c.pid()), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write pid of %s: %w", p.name, err), c.kill())
	}
	return c, nil
}

func (p program) logFile() string { return filepath.Join(p.dir, p.name+".log") }
func (p program) pidFile() string { return filepath.Join(p.dir, p.name+".pid") }

func (c *process) pid() int { return c.cmd.Process.Pid }

// running reports whether the process has not ended yet.
func (c *process) running() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// stop ends the process gracefully and waits for it. After the timeout it kills the process.
func (c *process) stop() error {
	if !c.running() {
		return nil
	}
	c.cmd.Process.Signal(c.end) //nolint:errcheck // the process may have ended
	late := time.NewTimer(c.timeout)
	defer late.Stop()
	select {
	case <-c.done:
		return os.Remove(c.pidFile())
	case <-late.C:
		return errors.Join(fmt.Errorf("%s did not stop within %s and was killed", c.name, c.timeout), c.kill())
	}
}

// kill ends the process with SIGKILL and waits for it.
func (c *process) kill() error {
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", c.name, err)
	}
	<-c.done
	return nil
}

// await polls until ready returns nil. It returns an error when the process or ctx ends first.
func (c *process) await(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.done:
			return fmt.Errorf("start %s: %w; the end of %s:\n%s", c.name, c.err, c.logFile(), tail(c.logFile()))
		case <-ctx.Done():
			err = errors.Join(ctx.Err(), err)
			return fmt.Errorf("wait for %s: %w; the end of %s:\n%s", c.name, err, c.logFile(), tail(c.logFile()))
		}
	}
}

// endStale ends the process that a killed run has left behind. It relies on the pid file only if the process with that
// pid has the marker.
func (p program) endStale() error {
	content, err := os.ReadFile(p.pidFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read pid of an earlier %s: %w", p.name, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	running := func() bool { return strings.Contains(commandLine(pid), p.marker) }
	if err != nil || !running() {
		return nil
	}
	signal := p.end
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(p.timeout)
	for running() {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end %s of an earlier run, pid %d: %w", p.name, pid, err)
		}
		if time.Now().After(deadline) {
			signal = syscall.SIGKILL
		}
		<-tick.C
	}
	return nil
}

// commandLine returns the arguments of a process, separated by spaces, or "" if there is no such process.
func commandLine(pid int) string {
	if _, err := os.Stat("/proc/self/cmdline"); err == nil {
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) //nolint:errcheck // no such process
		return string(bytes.ReplaceAll(args, []byte{0}, []byte{' '}))
	}
	args, _ := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:errcheck // no such process
	return string(args)
}

// tail returns the last lines of a file.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	const lines = 10
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
