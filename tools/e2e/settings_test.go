package e2e

import (
	"strings"
	"testing"

	"boxoffice.dev/tools/internal/stack"
)

func TestHelpDescribesEverySetting(t *testing.T) {
	t.Parallel()
	for _, spec := range stack.Specs() {
		t.Run(spec.Name, func(t *testing.T) {
			t.Parallel()
			help, err := Shared(t).Service(spec.Name).Output(t.Context(), "--help")
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range spec.Needs {
				if !strings.Contains(help, "\n  "+name+"=") {
					t.Errorf("lacks %s:\n%s", name, help)
				}
			}
			lines := strings.Split(help, "\n")
			for i, line := range lines {
				name, _, isSetting := strings.Cut(strings.TrimSpace(line), "=")
				if !isSetting || strings.ToUpper(name) != name {
					continue
				}
				if meaning := strings.TrimSpace(lines[i+1]); meaning == "" || meaning == "(required)" {
					t.Errorf("says nothing about %s", name)
				}
			}
		})
	}
}
