// Package codec encrypts what the command and the worker hand to Temporal, so that the server keeps histories that it
// cannot read. Names of workflows, activities and queues, ids and search attributes stay readable: they hold nothing
// personal.
package codec

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// The metadata of an encrypted payload. Its data is the nonce and the sealed payload, with which the id of the key is
// authenticated.
const (
	encoding   = "binary/encrypted"
	keyIDField = "encryption-key-id"
)

// Codec encrypts payloads with AES-256-GCM. The zero value has no key: it encrypts nothing. Payloads that are not
// encrypted pass decoding as they are, so that a key can be introduced while runs are under way.
type Codec struct{ keys []key }

var _ converter.PayloadCodec = (*Codec)(nil)

// Enabled reports whether there is a key to encrypt with.
func (c *Codec) Enabled() bool { return len(c.keys) > 0 }

// Encode encrypts each payload, metadata included, with the first key.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if !c.Enabled() {
		return payloads, nil
	}
	k := c.keys[0]
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, problem("a payload cannot be encrypted: %v", err)
		}
		sealed[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), keyIDField: []byte(k.id)},
			Data:     k.aead.Seal(nil, nil, plain, k.bound()),
		}
	}
	return sealed, nil
}

// Decode decrypts each payload with the key that it names. An *Error says which key is missing or does not fit.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encoding {
			opened[i] = p
			continue
		}
		k, err := c.find(string(p.Metadata[keyIDField]))
		if err != nil {
			return nil, err
		}
		plain, err := k.aead.Open(nil, nil, p.Data, k.bound())
		if err != nil {
			return nil, problem("key %q of %s does not fit: this was encrypted with another key of that id, or altered", k.id, Variable)
		}
		opened[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, opened[i]); err != nil {
			return nil, problem("what key %q decrypts is no payload: %v", k.id, err)
		}
	}
	return opened, nil
}

// bound is what is authenticated with everything that the key seals.
func (k key) bound() []byte { return []byte(encoding + " " + k.id) }

func (c *Codec) find(id string) (key, error) {
	for _, k := range c.keys {
		if k.id == id {
			return k, nil
		}
	}
	if !c.Enabled() {
		return key{}, problem("this is encrypted with key %q and no key is configured; set %s", id, Variable)
	}
	return key{}, problem("this is encrypted with key %q, which is not among those of %s", id, Variable)
}
