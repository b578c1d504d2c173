package config

import (
	"fmt"
	"strings"
)

// Usage returns the help text of a program: its arguments, and every setting with its default and meaning.
func Usage[C Settings](program Program) string {
	list, _ := settingsOf[C](program)
	arguments := ""
	for _, s := range list {
		if s.flag != "" {
			arguments += fmt.Sprintf(" [--%s %s]", strings.ToLower(s.variable), s.flag)
		}
	}
	file := fileSetting(list)
	var b strings.Builder
	fmt.Fprintf(&b, `%[2]s

  %[1]s%[3]s
        serve until SIGINT or SIGTERM
  %[1]s healthcheck
        exit with 0 if the running %[1]s is ready, else with 1
`, program.Name, program.About, arguments)
	if file != nil {
		fmt.Fprintf(&b, `  %s schema
        print the JSON Schema of the settings file, for editors
`, program.Name)
	}
	b.WriteString(`
Settings are environment variables; lists are separated by commas.
`)
	if file != nil {
		fmt.Fprintf(&b, `They may also be in the YAML file that %s names: in lower case, with a level
for each group. LIMIT_DEPTH=20 is limit: {depth: 20} there. Variables win over the file.
A change of the file takes effect without a restart, except for settings marked [restart].
`, file.variable)
	}
	b.WriteString(`
All settings with their defaults:

`)
	for _, s := range list {
		help := s.help
		if s.required {
			help += " (required)"
		}
		if s.restart && file != nil {
			help += " [restart]"
		}
		fmt.Fprintf(&b, "  %s=%s\n        %s\n", s.variable, s.fallback, help)
	}
	return b.String()
}
