package broadcasting

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"

	"castnet/broadcaster"
	"castnet/broadcaster/api"
	"castnet/broadcaster/health"
	"castnet/broadcaster/market"
	"castnet/broadcaster/playback"
	"castnet/broadcaster/verify"
	"castnet/contracts/chain"
	"castnet/internal/media"
	"castnet/internal/node/onchain"
	"castnet/internal/node/role"
	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
)

// viewEvery is how often what the pages show of the chain is read.
const viewEvery = time.Second

// views turns what broadcaster and chain know into what the pages show: it implements api.Streams and api.Network. The
// chain's side is read in the background; a page never waits for it.
type views struct {
	b      *broadcaster.Broadcaster
	chain  *role.OnChain
	sender *payments.Sender
	// stakes lists who is registered.
	stakes interface {
		Orchestrators(ctx context.Context) ([]api.OrchestratorView, error)
	}
	log *slog.Logger
	// targets tells where a stream is pushed on to.
	targets func(stream string) []api.TargetView

	mu          sync.Mutex
	network     api.NetworkView
	shares      map[common.Address]float64
	redemptions []chain.Redemption // of this broadcaster's tickets
	nextBlock   uint64
}

func newViews(b *broadcaster.Broadcaster, c *role.OnChain, sender *payments.Sender, s stakeBooks, log *slog.Logger) *views {
	v := &views{b: b, chain: c, sender: sender, stakes: s, log: log, shares: make(map[common.Address]float64)}
	v.network.Chain = api.ChainView{ID: c.Client.ChainID(), Coin: "ETH"}
	v.network.Broadcaster.Address = c.Account.Hex()
	return v
}

// run reads the chain until ctx ends.
func (v *views) run(ctx context.Context) error {
	tick := time.NewTicker(viewEvery)
	defer tick.Stop()
	for {
		err := v.read(ctx)
		v.mu.Lock()
		v.network.Chain.Problem = ""
		if err != nil && ctx.Err() == nil {
			v.network.Chain.Problem = fmt.Sprintf("The chain does not answer: %v", err)
		}
		v.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (v *views) read(ctx context.Context) error {
	client, self := v.chain.Client, v.chain.Account
	head := client.Head()
	round, err := client.Round(ctx)
	if err != nil {
		return err
	}
	if err := v.readRedemptions(ctx, head.Number); err != nil {
		return err
	}
	funds, err := v.sender.Funds(ctx)
	if err != nil {
		return err
	}
	rows, err := v.stakes.Orchestrators(ctx)
	if err != nil {
		return err
	}
	shares := make(map[common.Address]float64, len(rows))
	for i := range rows {
		shares[common.HexToAddress(rows[i].ID)] = rows[i].Share
	}
	share := uint256.Int{}
	if len(rows) > 0 {
		s, err := client.Broker().Share(ctx, self, common.HexToAddress(rows[0].ID), round.Number)
		if err != nil {
			return err
		}
		share = onchain.Uint(s.Left())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shares = shares
	v.network.Orchestrators = rows
	v.network.Round, v.network.RoundEndsAt = round.Number, round.End
	v.network.Chain.Head, v.network.Chain.Time = head.Number, head.Time
	v.network.Broadcaster.DepositWei = api.WeiOf(funds.Deposit)
	v.network.Broadcaster.ReserveWei = api.WeiOf(funds.Reserve)
	v.network.Broadcaster.ShareWei = api.WeiOf(share)
	v.network.Broadcaster.Warnings = accountWarnings(&funds)
	return nil
}

// readRedemptions reads what was redeemed since the last look.
func (v *views) readRedemptions(ctx context.Context, head uint64) error {
	v.mu.Lock()
	from := v.nextBlock
	v.mu.Unlock()
	if head < from {
		return nil
	}
	fresh, err := v.chain.Client.Broker().Redemptions(ctx, chain.RedemptionQuery{
		Sender: v.chain.Account, FromBlock: from, ToBlock: head,
	})
	if err != nil {
		return fmt.Errorf("read redemptions: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.redemptions = append(v.redemptions, fresh...)
	v.nextBlock = head + 1
	return nil
}

func accountWarnings(f *payments.Funds) []api.WarningView {
	var list []api.WarningView
	if f.Unlocking {
		list = append(list, api.WarningView{
			Text: "The deposit is being unlocked: orchestrators accept no new tickets.", Next: "Cancel the unlock to go on streaming.",
		})
	}
	switch {
	case f.Reserve.IsZero():
		list = append(list, api.WarningView{
			Text: "There is no reserve: orchestrators will not serve this broadcaster.", Next: "Fund a reserve in the TicketBroker.",
		})
	case f.Deposit.IsZero():
		list = append(list, api.WarningView{
			Text: "The deposit is empty: winners are paid out of the reserve.", Next: "Add to the deposit in the TicketBroker.",
		})
	case f.Warning != "" && !f.Unlocking:
		list = append(list, api.WarningView{
			Text: "Money is running out: " + f.Warning + ".", Next: "Add to the deposit in the TicketBroker before streams stop.",
		})
	}
	return list
}

// Network is what the pages show of the network.
func (v *views) Network() api.NetworkView {
	records := v.b.Records()
	serving := make(map[common.Address]int)
	for _, s := range v.b.Streams() {
		if st := s.Status(); st.Serving != nil {
			serving[st.Serving.Orchestrator.ID]++
		}
	}
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	view := v.network
	view.Orchestrators = slices.Clone(v.network.Orchestrators)
	for i := range view.Orchestrators {
		o := &view.Orchestrators[i]
		id := common.HexToAddress(o.ID)
		o.Streams = serving[id]
		addRecord(o, records[id], now)
	}
	slices.SortStableFunc(view.Orchestrators, func(a, b api.OrchestratorView) int {
		return cmp.Or(cmp.Compare(b.VerifiedSegments, a.VerifiedSegments), cmp.Compare(b.Share, a.Share))
	})
	return view
}

// addRecord adds what this broadcaster has measured.
func addRecord(o *api.OrchestratorView, r market.Record, now time.Time) {
	o.VerifiedSegments, o.Failures = int64(r.Verified), int64(r.Failed)
	if !r.Price.IsZero() {
		o.PriceWeiPerMpx = api.WeiOf(r.Price)
	}
	o.Success, o.Health = -1, api.Unknown
	if r.Verified+r.Failed > 0 {
		o.Success = float64(r.Verified) / float64(r.Verified+r.Failed)
		o.Health = api.Good
	}
	if rest := r.Quarantine(now); rest > 0 {
		o.Health = api.Fair
		o.Note = fmt.Sprintf("Left alone for another %d s: %s", int(rest.Seconds())+1, r.LastFailure)
	}
}

// Streams lists the streams, newest first.
func (v *views) Streams() []api.StreamView {
	streams := v.b.Streams()
	list := make([]api.StreamView, 0, len(streams))
	for _, s := range streams {
		list = append(list, v.stream(s))
	}
	slices.SortStableFunc(list, func(a, b api.StreamView) int { return b.StartedAt.Compare(a.StartedAt) })
	return list
}

// Stream is one stream.
func (v *views) Stream(id string) (api.StreamView, bool) {
	s, ok := v.b.Stream(id)
	if !ok {
		return api.StreamView{}, false
	}
	return v.stream(s), true
}

func (v *views) stream(s *broadcaster.Stream) api.StreamView {
	st := s.Status()
	view := api.StreamView{
		ID: st.ID, State: api.State(st.State), StartedAt: st.Started, Input: inputView(&st),
		Segments:   api.SegmentsView{Count: int64(st.Segments), LastSeconds: st.LastSegment.Seconds()},
		Renditions: renditionViews(&st),
		Verified:   api.VerifiedView{OK: int64(st.Verified), Failed: int64(st.Failed), LastFailure: st.LastFailure},
		Paid:       v.paidView(s, &st),
	}
	if len(st.Ladder) > 0 {
		view.Verified.Checks = checkViews(&st)
	}
	view.Targets = v.targets(st.ID)
	for _, p := range []playback.Protocol{playback.WHEP, playback.HLS, playback.RTSP} {
		view.Viewers += s.Hub().Viewers(p)
	}
	if sv := st.Serving; sv != nil {
		v.mu.Lock()
		share := v.shares[sv.Orchestrator.ID]
		v.mu.Unlock()
		view.Orchestrator = &api.ServiceView{
			ID: sv.Orchestrator.ID.Hex(), Name: sv.Orchestrator.Name, Why: sv.Why, URL: "https://" + sv.Orchestrator.Address,
			RoundTripMS: float64(sv.RoundTrip.Microseconds()) / 1000, StakeShare: share, Since: sv.Since, Lease: leaseJSON(&sv.Lease),
		}
	}
	if r := st.LastReceipt; r != nil {
		view.Verified.Receipt = asJSON(&struct {
			Receipt   *receipt.Receipt
			Signature hexutil.Bytes
		}{&r.Receipt, r.Signature})
	}
	if t := st.LastTicket; t != nil {
		view.Paid.Ticket = asJSON(&struct {
			Ticket    *payments.Ticket
			Signature hexutil.Bytes
		}{&t.Ticket, t.Signature[:]})
	}
	for _, n := range slices.Backward(st.Notes) {
		level := api.Good
		if n.Trouble {
			level = api.Fair
		}
		view.Events = append(view.Events, api.EventView{At: n.At, Stop: api.Stop(n.Stop), Text: n.Text, Level: level})
	}
	if st.State == broadcaster.Ended {
		view.Ended = st.EndReason
	}
	if st.Problem != "" {
		view.Warnings = append(view.Warnings, api.WarningView{
			Text: st.Problem, Next: "The source still plays. Check that orchestrators are up, and that the deposit and reserve are funded.",
		})
	}
	return view
}

func leaseJSON(l *rpc.SignedLease) json.RawMessage {
	return asJSON(&struct {
		Lease     *receipt.Lease
		Signature hexutil.Bytes
	}{&l.Lease, l.Signature})
}

// checkViews counts what came of each check, in the order and the words of a person.
func checkViews(st *broadcaster.Status) []api.CheckView {
	var list []api.CheckView
	judged := st.Verified + st.Failed
	for _, c := range []struct {
		name   string
		of     int // segments that were held to it
		checks []string
	}{
		{"every picture is there, once, in order", judged, []string{verify.CheckPictures}},
		{"the receipt says what was received", judged, []string{verify.CheckRoot, verify.CheckFrames, verify.CheckBytes}},
		{"the orchestrator signed it, for this segment", judged, []string{verify.CheckSignature, verify.CheckNames}},
		{"the renditions are the ones ordered", judged, []string{verify.CheckLadder, verify.CheckSize, verify.CheckCodec, verify.CheckKey}},
		{"the bitrate is plausible", judged, []string{verify.CheckByteRate}},
		{"no picture of the source is sold as made", judged, []string{verify.CheckCopy}},
		{"the fee follows from the prices", judged, []string{verify.CheckFee}},
		{"the ticket's terms keep to the lease", judged, []string{verify.CheckTicket}},
		{"it came in time", judged, []string{verify.CheckDeadline}},
		{
			"decoded, it shows what was sent (samples)", st.Audited,
			[]string{verify.CheckDecoded, verify.CheckLikeness, verify.CheckOverlay, verify.CheckMotion},
		},
	} {
		failed := 0
		for _, name := range c.checks {
			failed = max(failed, st.FailedChecks[name])
		}
		list = append(list, api.CheckView{Name: c.name, OK: int64(c.of - failed), Failed: int64(failed)})
	}
	return list
}

// asJSON shows a signed object, given by pointer, to people who want to check it; nil where there is none. Integers that
// browsers cannot hold are strings.
func asJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil || string(b) == "null" {
		return nil
	}
	return largeInteger.ReplaceAll(b, []byte(`$1"$2"`))
}

// largeInteger is a JSON number of 16 digits or more: 2^53 has as many.
var largeInteger = regexp.MustCompile(`([:\[,])(-?[0-9]{16,})\b`)

// soundsView names tracks of sound for people: "AAC", "AAC de, AAC Commentary".
func soundsView(tracks []*media.Track) string {
	var names []string
	for _, t := range tracks {
		names = append(names, strings.TrimSpace(t.Codec.String()+" "+cmp.Or(t.Label, t.Language)))
	}
	return strings.Join(names, ", ")
}

func inputView(st *broadcaster.Status) api.InputView {
	in := api.InputView{
		Protocol: strings.ToUpper(st.Protocol), Remote: st.Remote, FPS: st.Input.FPS, Bitrate: int64(st.Input.Bitrate),
		GOPSeconds: st.Input.KeyInterval.Seconds(), BFrames: st.Input.BFrames, DriftSeconds: st.Input.Drift.Seconds(),
		Missing: st.Input.Missing, Pictures: st.Input.Pictures, Irregular: st.Input.Irregular, Health: api.Unknown,
	}
	if st.Video != nil {
		in.Codec, in.Width, in.Height = st.Video.Codec.String(), st.Video.Width, st.Video.Height
	} else {
		in.FPS = 0 // what was measured are packets of sound
	}
	in.Audio = soundsView(st.Sounds)
	if st.State != broadcaster.Live {
		return in
	}
	grade, advice := health.Advise(&st.Input)
	in.Health = map[health.Grade]api.Health{health.Good: api.Good, health.Fair: api.Fair, health.Bad: api.Bad}[grade]
	for i, a := range advice {
		if i == 0 {
			in.Advice = a.Text
		} else {
			in.MoreAdvice = append(in.MoreAdvice, a.Text)
		}
	}
	return in
}

func renditionViews(st *broadcaster.Status) []api.RenditionView {
	if st.Video == nil {
		return nil
	}
	source := api.RenditionView{
		Name: playback.SourceName, Width: st.Video.Width, Height: st.Video.Height, Bitrate: int64(st.Input.Bitrate),
		FPS: st.Input.FPS, Codec: st.Video.Codec.String(), WHEP: st.Video.Codec == media.H264 && st.Video.Reorder == 0,
	}
	if !source.WHEP {
		source.WhyNot = "WebRTC cannot play B-frames"
	}
	list := []api.RenditionView{source}
	for _, p := range st.Ladder {
		list = append(list, api.RenditionView{
			Name: p.Name, Width: p.Width, Height: p.Height, Bitrate: int64(p.Bitrate), FPS: st.Input.FPS / float64(p.Divisor),
			Codec: p.Codec.String(), WHEP: p.Codec == media.H264, Own: slices.Contains(st.Own, p.Name),
		})
	}
	return list
}

// paidView counts tickets. Whether a ticket won is the recipient's secret until it is redeemed: then the chain says so.
func (v *views) paidView(s *broadcaster.Stream, st *broadcaster.Status) api.PaidView {
	paid := api.PaidView{TicketsSent: int64(st.Tickets), EVWei: api.WeiOf(st.Paid), FeesWei: api.WeiOf(st.Fees)}
	var redeemed uint256.Int
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.redemptions {
		r := &v.redemptions[i]
		if !s.PaidFor(r.ReceiptHash) {
			continue
		}
		paid.Redeemed++
		amount := onchain.Uint(r.Paid)
		redeemed.Add(&redeemed, &amount)
	}
	paid.RedeemedWei = api.WeiOf(redeemed)
	return paid
}
