package supergraphtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// Composer composes supergraphs in a process of tools/compose. Safe for concurrent use.
type Composer struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// Composed is a supergraph with the schema that clients see, or the composer's reasons for refusing it.
type Composed struct {
	Supergraph, Client string
	Errors             []string
}

// StartComposer starts the composer of the repository with the given root. It runs until ctx ends or Close is called.
func StartComposer(ctx context.Context, root string) (*Composer, error) {
	cmd := exec.CommandContext(ctx, root+"/tools/compose/run", "stream.mjs") //nolint:gosec // of the repository
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start composer: %w", err)
	}
	return &Composer{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// Close ends the process.
func (c *Composer) Close() error {
	if err := c.in.Close(); err != nil {
		return err
	}
	return c.cmd.Wait()
}

// Compose composes subgraphs.
func (c *Composer) Compose(subgraphs []Subgraph) (Composed, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	line, err := json.Marshal(subgraphs)
	if err != nil {
		return Composed{}, err
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return Composed{}, fmt.Errorf("send to composer: %w", err)
	}
	text, err := c.out.ReadString('\n')
	if err != nil {
		return Composed{}, fmt.Errorf("read from composer: %w", err)
	}
	var result Composed
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&result); err != nil {
		return Composed{}, fmt.Errorf("read from composer: %w", err)
	}
	return result, nil
}
