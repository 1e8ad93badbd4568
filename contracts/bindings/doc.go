// Package bindings holds the generated Go types of Castnet's contracts: ABI, bytecode, packing and unpacking. Only
// contracts/chain uses it; nothing here talks to a node.
package bindings

//go:generate go run castnet/contracts/bindings/generate -artifacts ../out -write bindings.go
