package rpc_test

import (
	"testing"

	"castnet/orchestrator/rpc"
)

// FuzzUnary: whatever bytes come as a quote request, a lease, or a request or an answer about what is owed, reading them
// ends in a message or an error.
func FuzzUnary(f *testing.F) {
	for _, b := range rpc.SampleUnary(sampleAsk(), sampleLease(), samplePayment(), sampleReceipt()) {
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) { rpc.ParseUnary(b) })
}
