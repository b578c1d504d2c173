//go:build sabotage_ack

package broker

import (
	"context"

	"github.com/ThreeDotsLabs/watermill/message"
)

// failpoint acknowledges the message before its handler has committed, to show that tools/prove detects this fault.
func failpoint(msg *message.Message) {
	msg.SetContext(context.WithoutCancel(msg.Context())) // the acknowledgement would cancel it
	msg.Ack()
}
