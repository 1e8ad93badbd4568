// Command generate turns forge's build artifacts into the Go bindings beside it. With -check it only compares, so that a build
// can tell whether the committed file is fresh.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi/abigen"
)

// errStale says that the committed bindings are not those of the contracts.
var errStale = errors.New("the bindings are not those of the compiled contracts: run go generate ./contracts/bindings")

// artifact is the part of a forge build artifact that bindings are made of.
type artifact struct {
	ABI      json.RawMessage `json:"abi"`
	Bytecode struct {
		Object string `json:"object"`
	} `json:"bytecode"`
}

func main() {
	artifacts := flag.String("artifacts", "contracts/out", "forge's output folder")
	target := flag.String("write", "contracts/bindings/bindings.go", "the file to write, or to compare with")
	check := flag.Bool("check", false, "write nothing; fail if the file is not what would be written")
	flag.Parse()
	if err := run(*artifacts, *target, *check); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(artifacts, target string, check bool) error {
	code, err := generate(artifacts)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(target, code, 0o644) //nolint:gosec // source code, readable like its neighbours
	}
	committed, err := os.ReadFile(target) //nolint:gosec // the path is the caller's own
	if err != nil {
		return err
	}
	if !bytes.Equal(committed, code) {
		return errStale
	}
	return nil
}

// generate binds all contracts in one file, because they share struct types.
func generate(artifacts string) ([]byte, error) {
	names := []string{
		"CastToken", "Rounds", "PrevrandaoBeacon", "Staking", "StakingViews", "TicketBroker", "Disputes", "TwoReceipts", "WrongSums",
		"AccessManager", "TimelockController", "ERC1967Proxy", // OpenZeppelin's
	}
	abis := make([]string, len(names))
	codes := make([]string, len(names))
	for i, name := range names {
		raw, err := os.ReadFile(filepath.Join(artifacts, name+".sol", name+".json")) //nolint:gosec // the path is the caller's own
		if err != nil {
			return nil, fmt.Errorf("%w (compile the contracts first: npx forge build)", err)
		}
		var a artifact
		if err := json.Unmarshal(raw, &a); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if abis[i], err = withoutDomain(a.ABI); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		codes[i] = strings.TrimPrefix(a.Bytecode.Object, "0x")
	}
	code, err := abigen.BindV2(names, abis, codes, "bindings", nil, nil)
	if err != nil {
		return nil, err
	}
	return format.Source([]byte(code))
}

// withoutDomain drops eip712Domain, which two contracts inherit and abigen would declare twice.
func withoutDomain(abi json.RawMessage) (string, error) {
	var entries []json.RawMessage
	if err := json.Unmarshal(abi, &entries); err != nil {
		return "", err
	}
	entries = slices.DeleteFunc(entries, func(entry json.RawMessage) bool {
		var named struct {
			Name string `json:"name"`
		}
		return json.Unmarshal(entry, &named) == nil && named.Name == "eip712Domain"
	})
	kept, err := json.Marshal(entries)
	return string(kept), err
}
