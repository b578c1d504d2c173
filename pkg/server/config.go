package server

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/logging"
	"boxoffice.dev/pkg/tracing"
)

// Config is the settings of every program. A program embeds it in its own settings.
type Config struct {
	ListenAddr  string `env:"LISTEN_ADDR" restart:"true" help:"host:port of the public listener; without host, all interfaces"`
	AdminAddr   string `env:"ADMIN_ADDR" restart:"true" help:"host:port of the private listener: /healthz, /readyz, /metrics, /debug/pprof/; must not be reachable from outside"`
	Environment string `env:"ENVIRONMENT" envDefault:"production" enum:"production,development" restart:"true" help:"production or development; development allows plain HTTP and the example secrets"`
	Log         logging.Config
	Traces      tracing.Config

	ReadHeaderTimeout time.Duration `env:"READ_HEADER_TIMEOUT" envDefault:"5s" min:"1ms" restart:"true" help:"time in which the headers of a request must arrive"`
	ReadTimeout       time.Duration `env:"READ_TIMEOUT" envDefault:"15s" min:"1ms" restart:"true" help:"time in which a whole request must arrive, body included"`
	Drain             time.Duration `env:"DRAIN" envDefault:"0s" min:"0s" restart:"true" help:"pre-stop delay: how long to go on serving after SIGTERM, with /readyz failing, so that load balancers stop sending requests"`
}

// Settings is a program's settings: a struct that embeds Config.
type Settings interface {
	config.Settings
	serverConfig() Config
}

func (c Config) serverConfig() Config { return c }

// Development reports whether the program runs on a developer's machine, over plain HTTP.
func (c Config) Development() bool { return c.Environment == "development" }

// Check returns errors that begin with the variable at fault. A program with a Check of its own joins it.
func (c Config) Check() error {
	return errors.Join(checkAddr("LISTEN_ADDR", c.ListenAddr), checkAddr("ADMIN_ADDR", c.AdminAddr), c.Traces.Check())
}

func checkAddr(name, addr string) error {
	if addr == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(addr)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil {
		return fmt.Errorf("%s: want host:port, got %q", name, addr)
	}
	return nil
}
