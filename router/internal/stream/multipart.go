package stream

import (
	"fmt"
	"net/http"

	"boxoffice.dev/pkg/sse"
)

// Multipart answers a request for a subscription by Apollo's multipart protocol
// (https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol): what serve
// emits as payloads, {} as a sign of life, and errors beside a payload of null when it goes wrong. It reports
// false, and has done nothing, when the address or the user has too many connections.
func (s *Server) Multipart(w http.ResponseWriter, r *http.Request, address string, session Session, serve Serve) bool {
	return s.follow(r, "multipart", address, session, serve, func(broken func(error)) writer {
		return payloads{open(w, "graphql", "subscriptionSpec=1.0", s.pace(), broken)}
	})
}

// payloads are a writer of Apollo's protocol.
type payloads struct{ *Parts }

func (p payloads) Next(response []byte) error {
	return p.Parts.Next(fmt.Appendf(nil, `{"payload":%s}`, response))
}

func (p payloads) Fail(errs []byte) error {
	return p.Parts.Next(fmt.Appendf(nil, `{"payload":null,"errors":%s}`, errs))
}

// Parts are an answer of type multipart/mixed. Each ends with the boundary of the next one: clients read a
// part when they see what follows.
type Parts struct {
	*sse.Sender

	boundary string
}

// Parts begins an answer to a client that takes parts as a specification says, named by a parameter of the
// media type. It calls broken, once, when the client does not take what is sent. Close must be called before
// the handler returns.
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

// Next sends a part and waits until the client has taken it.
func (p *Parts) Next(body []byte) error { return p.Send(p.part(body)) }

// Complete says that there are no more.
func (p *Parts) Complete() error { return p.Send("--\r\n") }
