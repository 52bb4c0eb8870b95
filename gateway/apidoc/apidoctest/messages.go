package apidoctest

import (
	"encoding/json"
	"fmt"

	"github.com/plenum-gateway/plenum/gateway/apidoc"
)

// Messages holds messages of the WebSocket against the AsyncAPI document. One
// goroutine uses it at a time.
type Messages struct {
	*document
	client, server map[string]string // name of the message by type
}

// NewMessages reads the document.
func NewMessages() (*Messages, error) {
	d, err := open("asyncapi.json", apidoc.AsyncAPI)
	if err != nil {
		return nil, err
	}
	m := &Messages{document: d}
	m.client = m.of("takeMessages")
	m.server = m.of("sendMessages")
	return m, nil
}

// of returns the messages of an operation.
func (m *Messages) of(operation string) map[string]string {
	found := make(map[string]string)
	list, _ := m.at("operations", operation, "messages").([]any)
	for _, entry := range list {
		pointer, _ := entry.(map[string]any)["$ref"].(string)
		var name string
		if _, err := fmt.Sscanf(pointer, "#/channels/websocket/messages/%s", &name); err != nil {
			continue
		}
		typ, _ := m.at("components", "messages", name, "payload", "properties", "type", "const").(string)
		found[typ] = name
	}
	return found
}

// Types are the types of messages that clients send, and that gateways do.
func (m *Messages) Types() (client, server int) { return len(m.client), len(m.server) }

// FromClient holds a client's message against the document. known is false if
// it has a type that the document does not have.
func (m *Messages) FromClient(text []byte) (known bool, err error) { return m.check(m.client, text) }

// FromServer does so with a gateway's message.
func (m *Messages) FromServer(text []byte) (known bool, err error) { return m.check(m.server, text) }

func (m *Messages) check(names map[string]string, text []byte) (bool, error) {
	var message struct{ Type *string }
	if err := json.Unmarshal(text, &message); err != nil || message.Type == nil || *message.Type == "" {
		return true, fmt.Errorf("%.200s is no message: %v", text, err)
	}
	name, ok := names[*message.Type]
	if !ok {
		return false, nil
	}
	if err := m.valid(text, "components", "messages", name, "payload"); err != nil {
		return true, fmt.Errorf("%.300s: %w", text, err)
	}
	return true, nil
}
