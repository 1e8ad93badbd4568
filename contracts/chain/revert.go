package chain

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"castnet/contracts/bindings"
)

// RevertError is the refusal of a contract.
type RevertError struct {
	Name string // the contract's error, for example NotEligible; empty if it gave none that we know
	Args []any  // the error's arguments in order
	Text string // all of it as a person reads it
}

// Error is the refusal with its arguments by name.
func (e *RevertError) Error() string { return "chain: the contract refuses: " + e.Text }

// reverts decodes what contracts answer when they refuse.
type reverts struct {
	byID map[[4]byte]abi.Error
}

func newReverts() (*reverts, error) {
	r := &reverts{byID: make(map[[4]byte]abi.Error)}
	for _, meta := range []string{
		bindings.CastTokenMetaData.ABI, bindings.RoundsMetaData.ABI, bindings.StakingMetaData.ABI, bindings.TicketBrokerMetaData.ABI,
		bindings.DisputesMetaData.ABI, bindings.TwoReceiptsMetaData.ABI, bindings.WrongSumsMetaData.ABI,
		bindings.AccessManagerMetaData.ABI, bindings.TimelockControllerMetaData.ABI,
	} {
		parsed, err := abi.JSON(strings.NewReader(meta))
		if err != nil {
			return nil, fmt.Errorf("chain: bindings: %w", err)
		}
		for _, e := range parsed.Errors {
			r.byID[[4]byte(e.ID[:4])] = e
		}
	}
	return r, nil
}

// explain turns a node's answer to a reverted call into a *RevertError and leaves any other error as it is.
func (r *reverts) explain(err error) error {
	var data rpc.DataError
	if err == nil || !errors.As(err, &data) {
		return err
	}
	text, ok := data.ErrorData().(string)
	if !ok {
		return err
	}
	raw, decodeErr := hexutil.Decode(text)
	if decodeErr != nil {
		return err
	}
	return r.decode(raw)
}

// decode reads the return data of a revert.
func (r *reverts) decode(raw []byte) *RevertError {
	if reason, err := abi.UnpackRevert(raw); err == nil {
		return &RevertError{Text: reason}
	}
	if len(raw) < 4 {
		return &RevertError{Text: "no reason given"}
	}
	known, ok := r.byID[[4]byte(raw[:4])]
	if !ok {
		return &RevertError{Text: "unknown error 0x" + hex.EncodeToString(raw)}
	}
	args, err := known.Inputs.Unpack(raw[4:])
	if err != nil {
		return &RevertError{Name: known.Name, Text: known.Name}
	}
	named := make([]string, len(args))
	for i, arg := range args {
		named[i] = fmt.Sprintf("%s %v", strings.TrimSuffix(known.Inputs[i].Name, "_"), readable(known.Name, arg))
	}
	return &RevertError{Name: known.Name, Args: args, Text: known.Name + "(" + strings.Join(named, ", ") + ")"}
}

// readable puts words in place of the numbers of the broker's reasons.
func readable(name string, arg any) any {
	if reason, ok := arg.(uint8); ok && name == "TicketRejected" {
		return SkipReason(reason)
	}
	return arg
}
