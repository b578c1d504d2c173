package stream

import (
	"fmt"
	"net/http"

	"boxoffice.dev/pkg/sse"
)

// Multipart answers a request for a subscription by Apollo's multipart protocol
// (https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol): responses of serve
// as payloads, {} as heartbeat, and a payload of null with errors at a failure. It reports false, and does nothing,
// when the address or the user has too many connections.
func (s *Server) Multipart(w http.ResponseWriter, r *http.Request, address string, session Session, serve Serve) bool {
	return s.follow(r, "multipart", address, session, serve, func(broken func(error)) writer {
		return payloads{open(w, "graphql", "subscriptionSpec=1.0", s.pace(), broken)}
	})
}

// payloads is a writer of Apollo's protocol.
type payloads struct{ *Parts }

func (p payloads) Next(response []byte) error {
	return p.Parts.Next(fmt.Appendf(nil, `{"payload":%s}`, response))
}

func (p payloads) Fail(errs []byte) error {
	return p.Parts.Next(fmt.Appendf(nil, `{"payload":null,"errors":%s}`, errs))
}

// Parts writes a response of type multipart/mixed. Each part is sent with the boundary that ends it, because clients
// read a part when they have received the boundary.
type Parts struct {
	*sse.Sender

	boundary string
}

// Parts starts a multipart response by a specification, a parameter of the media type. It calls broken, once, when the
// client does not receive a part. Close must be called before the handler returns.
func (s *Server) Parts(w http.ResponseWriter, specification string, broken func(error)) *Parts {
	return open(w, "-", specification, sse.Config{WriteTimeout: s.cfg.WriteTimeout}, broken)
}

func open(w http.ResponseWriter, boundary, specification string, pace sse.Config, broken func(error)) *Parts {
	w.Header().Set("Content-Type", fmt.Sprintf(`multipart/mixed; boundary="%s"; %s`, boundary, specification))
	p := &Parts{boundary: boundary}
	p.Sender = sse.NewSender(w, pace, "\r\n--"+boundary, p.part([]byte("{}")), broken)
	return p
}

func (p *Parts) part(body []byte) string {
	return "\r\nContent-Type: application/json\r\n\r\n" + string(body) + "\r\n--" + p.boundary
}

// Next sends a part and waits until the client has received it.
func (p *Parts) Next(body []byte) error { return p.Send(p.part(body)) }

// Complete sends the last boundary.
func (p *Parts) Complete() error { return p.Send("--\r\n") }
