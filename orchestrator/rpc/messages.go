package rpc

import (
	"fmt"

	"castnet/internal/wire"
	"castnet/transcoder"
)

func encodeUp(up Up) (*wire.TranscodeUp, error) {
	switch m := up.(type) {
	case transcoder.WriteUnit:
		return &wire.TranscodeUp{Message: &wire.TranscodeUp_Unit{Unit: wire.EncodeWriteUnit(m)}}, nil
	case transcoder.StartSegment:
		return &wire.TranscodeUp{Message: &wire.TranscodeUp_StartSegment{StartSegment: wire.EncodeStartSegment(m)}}, nil
	case EndSegment:
		return &wire.TranscodeUp{Message: &wire.TranscodeUp_SegmentEnd{SegmentEnd: encodeEnd(m)}}, nil
	case transcoder.RequestKey:
		return &wire.TranscodeUp{Message: &wire.TranscodeUp_RequestKey{RequestKey: wire.EncodeRequestKey(m)}}, nil
	case transcoder.CancelSegment:
		return &wire.TranscodeUp{Message: &wire.TranscodeUp_CancelSegment{CancelSegment: wire.EncodeCancelSegment(m)}}, nil
	case Payment:
		return &wire.TranscodeUp{Message: &wire.TranscodeUp_Payment{Payment: encodePayment(&m)}}, nil
	case Renew:
		return &wire.TranscodeUp{Message: &wire.TranscodeUp_Renew{Renew: encodeQuoteAsk(m.QuoteAsk)}}, nil
	}
	return nil, fmt.Errorf("%w: %T does not go up", wire.ErrInvalid, up)
}

func decodeUp(m *wire.TranscodeUp) (Up, error) {
	switch m := m.GetMessage().(type) {
	case *wire.TranscodeUp_Unit:
		return wire.DecodeWriteUnit(m.Unit)
	case *wire.TranscodeUp_StartSegment:
		return wire.DecodeStartSegment(m.StartSegment)
	case *wire.TranscodeUp_SegmentEnd:
		return decodeEnd(m.SegmentEnd)
	case *wire.TranscodeUp_RequestKey:
		return wire.DecodeRequestKey(m.RequestKey)
	case *wire.TranscodeUp_CancelSegment:
		return wire.DecodeCancelSegment(m.CancelSegment), nil
	case *wire.TranscodeUp_Payment:
		return decodePayment(m.Payment)
	case *wire.TranscodeUp_Renew:
		ask, err := decodeQuoteAsk(m.Renew)
		return Renew{ask}, err
	}
	return nil, fmt.Errorf("%w: unexpected message %T up", wire.ErrInvalid, m.GetMessage())
}

func encodeDown(down Down) (*wire.TranscodeDown, error) {
	switch m := down.(type) {
	case transcoder.Rendered:
		return &wire.TranscodeDown{Message: &wire.TranscodeDown_Unit{Unit: wire.EncodeRendered(m)}}, nil
	case transcoder.Progress:
		return &wire.TranscodeDown{Message: &wire.TranscodeDown_Progress{Progress: wire.EncodeProgress(m)}}, nil
	case SignedReceipt:
		return &wire.TranscodeDown{Message: &wire.TranscodeDown_Receipt{Receipt: encodeReceipt(m)}}, nil
	case SignedBadInput:
		return &wire.TranscodeDown{Message: &wire.TranscodeDown_BadInput{BadInput: encodeBadInput(m)}}, nil
	case PaymentResult:
		return &wire.TranscodeDown{Message: &wire.TranscodeDown_PaymentResult{PaymentResult: encodeResult(m)}}, nil
	case Refusal:
		return &wire.TranscodeDown{Message: &wire.TranscodeDown_Refusal{Refusal: encodeRefusal(&m)}}, nil
	case Renewed:
		return &wire.TranscodeDown{Message: &wire.TranscodeDown_Renewed{Renewed: encodeLease(m.SignedLease)}}, nil
	}
	return nil, fmt.Errorf("%w: %T does not go down", wire.ErrInvalid, down)
}

func decodeDown(m *wire.TranscodeDown) (Down, error) {
	switch m := m.GetMessage().(type) {
	case *wire.TranscodeDown_Unit:
		return wire.DecodeRendered(m.Unit)
	case *wire.TranscodeDown_Progress:
		return wire.DecodeProgress(m.Progress)
	case *wire.TranscodeDown_Receipt:
		return decodeReceipt(m.Receipt)
	case *wire.TranscodeDown_BadInput:
		return decodeBadInput(m.BadInput)
	case *wire.TranscodeDown_PaymentResult:
		return decodeResult(m.PaymentResult)
	case *wire.TranscodeDown_Refusal:
		return decodeRefusal(m.Refusal), nil
	case *wire.TranscodeDown_Renewed:
		lease, err := decodeLease(m.Renewed)
		return Renewed{lease}, err
	}
	return nil, fmt.Errorf("%w: unexpected message %T down", wire.ErrInvalid, m.GetMessage())
}
