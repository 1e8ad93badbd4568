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

// ParseUnary reads the bytes as each of the messages of unary calls.
func ParseUnary(b []byte) {
	var ask wire.SignedQuoteRequest
	if proto.Unmarshal(b, &ask) == nil {
		_, _ = decodeQuoteAsk(&ask)
	}
	var lease wire.SignedLease
	if proto.Unmarshal(b, &lease) == nil {
		_, _ = decodeLease(&lease)
	}
	var settle wire.SettleRequest
	if proto.Unmarshal(b, &settle) == nil {
		_, _ = decodeSettleAsk(&settle)
	}
	var reply wire.SettleReply
	if proto.Unmarshal(b, &reply) == nil {
		_, _ = decodeSettle(&reply)
	}
}

// SampleUnary gives the bytes of one message of each.
func SampleUnary(ask QuoteAsk, lease SignedLease, payment Payment, owed SignedReceipt) [][]byte {
	var list [][]byte
	for _, m := range []proto.Message{
		encodeQuoteAsk(ask), encodeLease(lease),
		&wire.SettleRequest{Lease: make([]byte, 32), Payment: encodePayment(&payment), IssuedAt: 7, Signature: make([]byte, 65)},
		&wire.SettleReply{Unpaid: []*wire.SignedReceipt{encodeReceipt(owed)}},
	} {
		b, err := proto.Marshal(m)
		if err == nil {
			list = append(list, b)
		}
	}
	return list
}
