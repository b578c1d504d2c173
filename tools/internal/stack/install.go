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

// binaries returns the folder of Postgres's binaries and RabbitMQ's server, each only when asked
// for. What is missing is installed where apt is at hand.
func binaries(ctx context.Context, postgres, rabbitmq bool, progress func(string, ...any)) (bin, server string, err error) {
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
		return "", "", fmt.Errorf("%s not found and not installed (%w): install it, set DATABASE_URL and AMQP_URL, or run `docker compose up`",
			strings.Join(missing, ", "), err)
	}
	if postgres {
		var ok bool
		if bin, ok = findPostgres(); !ok {
			return "", "", errors.New("Postgres was installed but initdb is neither on the PATH nor in /usr/lib/postgresql/*/bin")
		}
	}
	if rabbitmq {
		var ok bool
		if server, ok = findRabbitMQ(); !ok {
			return "", "", errors.New("RabbitMQ was installed but rabbitmq-server is not found")
		}
	}
	return bin, server, nil
}

// Install installs Debian packages as root or through sudo, which may ask for a password.
// Neither a cluster nor a service of the machine is created or started by it.
func Install(ctx context.Context, packages []string, progress func(string, ...any)) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("no apt-get here")
	}
	var command []string
	if os.Geteuid() != 0 {
		if _, err := exec.LookPath("sudo"); err != nil {
			return errors.New("neither root nor sudo")
		}
		command = []string{"sudo"}
		if stdin, err := os.Stdin.Stat(); err != nil || stdin.Mode()&os.ModeCharDevice == 0 {
			command = append(command, "-n") // nobody could type a password
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
policy=/usr/sbin/policy-rc.d # what asks Debian's packages not to start their services
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
