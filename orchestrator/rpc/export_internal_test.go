package rpc

import (
	"google.golang.org/protobuf/proto"

	"castnet/internal/wire"
)

// ParseUp reads the bytes of a message as a server does.
func ParseUp(b []byte) (Up, error) {
	var m wire.TranscodeUp
	if err := proto.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	if open := m.GetOpen(); open != nil {
		return decodeOpen(open)
	}
	return decodeUp(&m)
}

// FormatUp gives the bytes of a message as a client does.
func FormatUp(up Up) ([]byte, error) {
	if open, ok := up.(Open); ok {
		return proto.Marshal(&wire.TranscodeUp{Message: &wire.TranscodeUp_Open{Open: encodeOpen(open)}})
	}
	m, err := encodeUp(up)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(m)
}

// ParseDown reads the bytes of a message as a client does.
func ParseDown(b []byte) (Down, error) {
	var m wire.TranscodeDown
	if err := proto.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	return decodeDown(&m)
}

// FormatDown gives the bytes of a message as a server does.
func FormatDown(down Down) ([]byte, error) {
	m, err := encodeDown(down)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(m)
}
