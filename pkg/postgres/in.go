package postgres

import "strings"

// In returns the SQL condition that the column has one of the values, which it quotes as literals. With a
// parameter instead, the planner could not prove that a partial index serves. The values must be constants of
// the program, not input.
func In[S ~string](column string, values []S) string {
	literals := make([]string, len(values))
	for i, v := range values {
		literals[i] = "'" + strings.ReplaceAll(string(v), "'", "''") + "'"
	}
	return column + " IN (" + strings.Join(literals, ", ") + ")"
}
