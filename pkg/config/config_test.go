package config

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Common stands for the settings that all programs share.
type Common struct {
	ListenAddr  string        `env:"LISTEN_ADDR" restart:"true" help:"host:port of the public listener"`
	Environment string        `env:"ENVIRONMENT" envDefault:"production" enum:"production,development" restart:"true"`
	LogLevel    string        `env:"LOG_LEVEL" envDefault:"info" enum:"debug,info,warn,error"`
	LogFormat   string        `env:"LOG_FORMAT" envDefault:"json" enum:"json,text" restart:"true"`
	TraceRatio  float64       `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1" min:"0" max:"1"`
	ReadTimeout time.Duration `env:"READ_TIMEOUT" envDefault:"15s" min:"1ms" restart:"true"`
}

func (c Common) Development() bool { return c.Environment == "development" }

func (c Common) Check() error {
	if c.ListenAddr == "nowhere" {
		return errors.New("LISTEN_ADDR: want host:port")
	}
	return nil
}

type testSettings struct {
	Common
	Token   Secret         `env:"TOKEN,required" help:"a credential"`
	Proxies []netip.Prefix `env:"PROXIES" help:"addresses"`
	Limits  struct {
		Depth int           `env:"DEPTH" envDefault:"15" min:"1" max:"99" help:"of fields"`
		Wait  time.Duration `env:"WAIT" envDefault:"5s" min:"1ms" help:"in a queue"`
	} `envPrefix:"LIMIT_"`
	Open *bool `env:"OPEN" help:"for all users"`
}

func (c testSettings) Check() error {
	var err error
	if c.Open != nil && *c.Open && len(c.Proxies) == 0 {
		err = errors.New("PROXIES: must be set when OPEN is true")
	}
	return errors.Join(c.Common.Check(), err)
}

// environ returns variables in the form of os.Environ.
func environ(variables map[string]string) (list []string) {
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	return list
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

const ownToken = "my-own-service-token-0123456789-abcdef"

func TestReadReturnsAllProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		variables map[string]string
		want      string
	}{
		{"valid", map[string]string{"TOKEN": ownToken, "LIMIT_DEPTH": "1", "OTHER": "x"}, ""},
		{"unset", nil, "TOKEN: must be set"},
		{"empty", map[string]string{"TOKEN": ""}, "TOKEN: must be set"},
		{
			"everything invalid",
			map[string]string{
				"TOKEN": "s3cr3t", "ENVIRONMENT": "staging", "LISTEN_ADDR": "nowhere", "LOG_LEVEL": "loud", "LOG_FORMAT": "xml", "READ_TIMEOUT": "0", "OTEL_TRACES_SAMPLER_ARG": "2", "PROXIES": "10.0.0.0/8,x",
				"LIMIT_DEPTH": "many", "LIMIT_WAIT": "5", "LIMIT_DEPHT": "3", "OPEN": "perhaps",
			},
			`ENVIRONMENT: want production or development, got "staging"
LIMIT_DEPHT: unknown variable
LIMIT_DEPTH: want a whole number, got "many"
LIMIT_WAIT: want a duration such as 5s, got "5"
LISTEN_ADDR: want host:port
LOG_FORMAT: want json or text, got "xml"
LOG_LEVEL: want debug, info, warn or error, got "loud"
OPEN: want true or false, got "perhaps"
OTEL_TRACES_SAMPLER_ARG: want at most 1, got 2
PROXIES: netip.ParsePrefix("x"): no '/'
READ_TIMEOUT: want at least 1ms, got 0s
TOKEN: a secret has at least 32 characters, this one has 6`,
		},
		{"too small", map[string]string{"TOKEN": ownToken, "LIMIT_DEPTH": "0", "LIMIT_WAIT": "-1s"}, "LIMIT_DEPTH: want at least 1, got 0\nLIMIT_WAIT: want at least 1ms, got -1s"},
		{"too large", map[string]string{"TOKEN": ownToken, "LIMIT_DEPTH": "100"}, "LIMIT_DEPTH: want at most 99, got 100"},
		{"Check", map[string]string{"TOKEN": ownToken, "OPEN": "true"}, "PROXIES: must be set when OPEN is true"},
		{"example secret", map[string]string{"TOKEN": "development-service-token-0123456789"}, "TOKEN: is an example from the repository; generate a secret, or set ENVIRONMENT=development"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Read[testSettings](Program{}, environ(c.variables), nil)
			if got := text(err); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestReadReturnsValuesAndDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := Read[testSettings](Program{}, []string{"TOKEN=" + ownToken, "LIMIT_WAIT=7s", "OPEN=false"}, nil)
	if err != nil || cfg.Limits.Depth != 15 || cfg.Limits.Wait != 7*time.Second || cfg.Open == nil || *cfg.Open || cfg.LogLevel != "info" || cfg.Token.Reveal() != ownToken {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

func TestUsageListsEverySetting(t *testing.T) {
	t.Parallel()
	help := Usage[testSettings](Program{Name: "shop", About: "Shop sells tickets.", Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:1"}})
	for _, want := range []string{
		"Shop sells tickets.\n\n  shop\n", "  shop healthcheck\n",
		"  LISTEN_ADDR=127.0.0.1:1\n        host:port of the public listener\n", "  LIMIT_DEPTH=15\n        of fields\n",
		"  TOKEN=\n        a credential (required)\n", "  OPEN=\n        for all users\n",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("lacks %q:\n%s", want, help)
		}
	}
}
