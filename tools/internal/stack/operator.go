package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// leaveSettings writes to operator.env in the data folder where broker and databases are:
// boxofficectl reads it.
func (s *Stack) leaveSettings(dir string) error {
	lines := []string{"AMQP_URL=" + s.BrokerURL + "\n"}
	for service, url := range s.databases {
		lines = append(lines, strings.ToUpper(service)+"_DATABASE_URL="+url+"\n")
	}
	for _, service := range s.services {
		lines = append(lines, strings.ToUpper(service.Name)+"_ADMIN_URL=http://"+service.AdminAddr+"\n")
	}
	slices.Sort(lines)
	if err := os.WriteFile(filepath.Join(dir, "operator.env"), []byte(strings.Join(lines, "")), 0o600); err != nil {
		return fmt.Errorf("leave settings for the operator: %w", err)
	}
	return nil
}
