package ledger

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/holiman/uint256"
)

// ByStream adds lines up by their stream; leases that nobody has described are the stream "".
func ByStream(lines []Line) []Line {
	return group(lines, func(l *Line) string { return l.Stream }, func(sum, l *Line) { sum.Stream = l.Stream })
}

// ByParty adds lines up by the other side.
func ByParty(lines []Line) []Line {
	return group(lines, func(l *Line) string { return l.Party.Hex() }, func(sum, l *Line) { sum.Party = l.Party })
}

func group(lines []Line, key func(*Line) string, name func(sum, l *Line)) []Line {
	sums := make(map[string]*Line)
	for i := range lines {
		l := &lines[i]
		sum := sums[key(l)]
		if sum == nil {
			sum = &Line{}
			sum.Opened = l.Opened
			name(sum, l)
			sums[key(l)] = sum
		}
		sum.Add(&l.Totals)
	}
	list := make([]Line, 0, len(sums))
	for _, sum := range sums {
		list = append(list, *sum)
	}
	slices.SortFunc(list, func(a, b Line) int { return cmp.Compare(key(&a), key(&b)) })
	return list
}

// WriteJSON writes lines as a JSON array; amounts are decimal strings of wei.
func WriteJSON(w io.Writer, lines []Line) error {
	if lines == nil {
		lines = []Line{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(lines)
}

// WriteCSV writes lines with a header; amounts are in wei.
func WriteCSV(w io.Writer, lines []Line) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{
		"lease", "stream", "party", "opened", "price_h264_wei", "price_hevc_wei", "price_av1_wei", "price_source_wei", "price_mib_wei",
		"segments", "pixels", "source_pixels", "bytes", "tickets_sent", "receipts", "tickets_received", "tickets_won", "tickets_redeemed", "tickets_lost",
		"sent_wei", "billed_wei", "received_wei", "written_off_wei", "won_wei", "redeemed_wei", "lost_wei", "gas_wei", "unpaid_wei", "pending_wei",
	}); err != nil {
		return err
	}
	for i := range lines {
		l := &lines[i]
		record := []string{l.Lease.Hex(), l.Stream, l.Party.Hex(), l.Opened.UTC().Format(time.RFC3339)}
		for _, p := range []*uint256.Int{&l.Prices.H264, &l.Prices.HEVC, &l.Prices.AV1, &l.Prices.Source, &l.Prices.MiB} {
			record = append(record, p.Dec())
		}
		for _, n := range l.counts() {
			record = append(record, strconv.FormatUint(*n, 10))
		}
		pending := l.Pending()
		for _, v := range l.amounts() {
			record = append(record, v.Dec())
		}
		record = append(record, l.Unpaid.Dec(), pending.Dec())
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// WriteTable writes lines for people, and their sum; name is the first column.
func WriteTable(w io.Writer, lines []Line, heading string, name func(*Line) string) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, err := fmt.Fprintf(out, "%s\tsegments\tMpixels\tMiB\tfees\tsent\tpaid\tunpaid\twritten off\twon\tredeemed\tpending\tlost\tgas\t\n", heading)
	if err != nil {
		return err
	}
	var sum Line
	for i := range lines {
		sum.Add(&lines[i].Totals)
		if err := row(out, name(&lines[i]), &lines[i].Totals); err != nil {
			return err
		}
	}
	if err := row(out, "all", &sum.Totals); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, "Amounts are in gwei; --csv and --json give wei.")
	return err
}

func row(w io.Writer, name string, t *Totals) error {
	pending := t.Pending()
	if _, err := fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t", name, t.Segments, float64(t.Pixels)/1e6, float64(t.Bytes)/(1<<20)); err != nil {
		return err
	}
	for _, v := range []*uint256.Int{&t.Billed, &t.Sent, &t.Received, &t.Unpaid, &t.WrittenOff, &t.Won, &t.Redeemed, &pending, &t.Lost, &t.Gas} {
		if _, err := fmt.Fprintf(w, "%s\t", gwei(v)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// gwei shows an amount with as many digits as a table has room for.
func gwei(v *uint256.Int) string {
	if v.IsZero() {
		return "-"
	}
	return new(big.Rat).SetFrac(v.ToBig(), big.NewInt(1e9)).FloatString(3)
}
