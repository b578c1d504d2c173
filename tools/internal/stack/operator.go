package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// writeOperatorSettings writes the addresses of broker, databases and services to operator.env in the data folder, for
// boxofficectl.
func (s *Stack) writeOperatorSettings(dir string) error {
	lines := []string{"AMQP_URL=" + s.BrokerURL + "\n"}
	for service, url := range s.databases {
		lines = append(lines, strings.ToUpper(service)+"_DATABASE_URL="+url+"\n")
	}
	for _, service := range s.services {
		lines = append(lines, strings.ToUpper(service.Name)+"_ADMIN_URL=http://"+service.AdminAddr+"\n")
	}
	slices.Sort(lines)
	if err := os.WriteFile(filepath.Join(dir, "operator.env"), []byte(strings.Join(lines, "")), 0o600); err != nil {
		return fmt.Errorf("write settings for boxofficectl: %w", err)
	}
	return nil
}
