package e2e_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"math/big"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/internal/node/books"
	"castnet/internal/node/console"
	"castnet/probabilistic-payments/ledger"
	"castnet/test/testnet"
)

// readLedger prints the ledger of a role, as `castnet ledger --json` does, and reads it.
func readLedger(t *testing.T, n *testnet.Network, role string) []ledger.Line {
	t.Helper()
	return ledgerOf(t, books.Ledger{DataDir: filepath.Join(n.Dir, role)})
}

func ledgerOf(t *testing.T, command books.Ledger) []ledger.Line {
	t.Helper()
	command.By, command.JSON = "lease", true
	var out bytes.Buffer
	if err := command.Run(t.Context(), &console.Console{Out: &out, Err: t.Output()}); err != nil {
		t.Fatal(err)
	}
	var lines []ledger.Line
	if err := json.Unmarshal(out.Bytes(), &lines); err != nil {
		t.Fatal(err)
	}
	return lines
}

func totals(lines []ledger.Line) (sum ledger.Totals) {
	for i := range lines {
		sum.Add(&lines[i].Totals)
	}
	return sum
}

// checkLedgers compares the parties' ledgers with the chain, to the wei: what was redeemed and what that cost, for each
// orchestrator; and with each other: fees billed, tickets sent, work verified.
func checkLedgers(t *testing.T, n *testnet.Network, redeemed []chain.Redemption) {
	t.Helper()
	client := dial(t, n)
	var earned ledger.Totals
	for _, o := range orchestrators(t, client) {
		_, name, _ := strings.Cut(o.ServiceURI, "#")
		got := totals(readLedger(t, n, "orchestrator-"+name))
		earned.Add(&got)
		paid, gas, seen := new(big.Int), new(big.Int), make(map[common.Hash]bool)
		for _, r := range redeemed {
			if r.Recipient != o.ID {
				continue
			}
			paid.Add(paid, r.Paid)
			if !seen[r.TxHash] {
				seen[r.TxHash] = true
				where, _, err := client.Broker().Transaction(t.Context(), r.TxHash)
				if err != nil {
					t.Fatal(err)
				}
				gas.Add(gas, where.Cost)
			}
			checkReceipt(t, n, name, r.ReceiptHash)
		}
		if got.Redeemed.ToBig().Cmp(paid) != 0 || got.Gas.ToBig().Cmp(gas) != 0 {
			t.Errorf("%s: its ledger says that %s wei were redeemed for %s wei of gas, the chain %s for %s",
				name, got.Redeemed.Dec(), got.Gas.Dec(), paid, gas)
		}
		if pending := got.Pending(); !pending.IsZero() || !got.Unpaid.IsZero() {
			t.Errorf("%s: %s wei are pending, %s unpaid", name, pending.Dec(), got.Unpaid.Dec())
		}
	}
	spent := totals(readLedger(t, n, "broadcaster"))
	if spent.Sent != earned.Billed || spent.TicketsSent != earned.TicketsReceived || spent.Sent != earned.Received {
		t.Errorf("the broadcaster has sent %d tickets worth %s wei, the orchestrators have billed %s and received %d worth %s",
			spent.TicketsSent, spent.Sent.Dec(), earned.Billed.Dec(), earned.TicketsReceived, earned.Received.Dec())
	}
	if spent.Work != earned.Work || spent.Pixels == 0 {
		t.Errorf("verified was %+v, billed %+v", spent.Work, earned.Work)
	}
}

// checkReceipt finds the receipt that a ticket on the chain names in its orchestrator's store.
func checkReceipt(t *testing.T, n *testnet.Network, orchestrator string, hash common.Hash) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(n.Dir, "orchestrator-"+orchestrator, "orchestrator.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var found int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM receipts WHERE hash = ?`, hash[:]).Scan(&found); err != nil || found != 1 {
		t.Errorf("%d receipts %v in the store of %s (%v)", found, hash, orchestrator, err)
	}
}
