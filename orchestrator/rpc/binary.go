package rpc

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"castnet/internal/wire"
)

// MarshalBinary gives the receipt as it is stored.
func (r SignedReceipt) MarshalBinary() ([]byte, error) { return proto.Marshal(encodeReceipt(r)) }

// UnmarshalBinary reads what MarshalBinary wrote.
func (r *SignedReceipt) UnmarshalBinary(b []byte) error {
	var m wire.SignedReceipt
	if err := proto.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("stored receipt: %w", err)
	}
	var err error
	*r, err = decodeReceipt(&m)
	return err
}
