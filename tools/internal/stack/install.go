package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// binaries returns the folder of Postgres's binaries and the path of RabbitMQ's server, as far as they are
// requested. It installs what is missing if the system has apt.
func binaries(
	ctx context.Context, postgres, rabbitmq bool, progress func(string, ...any),
) (bin, server string, err error) {
	var missing []string
	if postgres {
		var ok bool
		if bin, ok = findPostgres(); !ok {
			missing = append(missing, "postgresql")
		}
	}
	if rabbitmq {
		var ok bool
		if server, ok = findRabbitMQ(); !ok {
			missing = append(missing, "rabbitmq-server")
		}
	}
	if len(missing) == 0 {
		return bin, server, nil
	}
	if err := Install(ctx, missing, progress); err != nil {
		return "", "", fmt.Errorf("install %s: %w; install it, set DATABASE_URL and AMQP_URL, or run `docker compose up`",
			strings.Join(missing, ", "), err)
	}
	if postgres {
		var ok bool
		if bin, ok = findPostgres(); !ok {
			return "", "", errors.New("initdb of the installed Postgres is neither on the PATH nor in /usr/lib/postgresql/*/bin")
		}
	}
	if rabbitmq {
		var ok bool
		if server, ok = findRabbitMQ(); !ok {
			return "", "", errors.New("rabbitmq-server of the installed RabbitMQ is not on the PATH")
		}
	}
	return bin, server, nil
}

// Install installs Debian packages as root or with sudo, which may prompt for a password. It neither creates a
// cluster nor starts a service.
func Install(ctx context.Context, packages []string, progress func(string, ...any)) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("apt-get not found")
	}
	var command []string
	if os.Geteuid() != 0 {
		if _, err := exec.LookPath("sudo"); err != nil {
			return errors.New("sudo not found")
		}
		command = []string{"sudo"}
		if stdin, err := os.Stdin.Stat(); err != nil || stdin.Mode()&os.ModeCharDevice == 0 {
			command = append(command, "-n") // without a terminal, sudo must not prompt
		}
	}
	folder, err := os.MkdirTemp("", "boxoffice-apt")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	log := filepath.Join(folder, "log")
	progress("installing %s (a minute or so)", strings.Join(packages, ", "))
	script := `set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d # prevents Debian's packages from starting their services
if [ ! -e $policy ]; then
	trap "rm -f $policy" EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
fi
apt-get -q update
apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"`
	command = append(command, "sh", "-c", script, "install")
	command = append(command, packages...)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin = os.Stdin
	out, err := os.Create(log)
	if err != nil {
		return fmt.Errorf("make log: %w", err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get: %w\n%s", err, tail(log))
	}
	return nil
}
