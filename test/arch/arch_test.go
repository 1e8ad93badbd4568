// Package arch_test holds the project to its own map: which package may import which, and who speaks a library.
package arch_test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows lists, for each room, the local packages that it may import. A trailing /… stands for a package and all below
// it. The list is whole: an import that is not on it fails. It follows docs/ARCHITECTURE.md.
var arrows = map[string][]string{
	"internal/media":    {},
	"internal/eip712":   {},
	"internal/identity": {"internal/eip712"},
	"internal/receipt":  {"internal/media", "internal/eip712", "internal/identity"},
	"internal/wire":     {"internal/media", "transcoder"},

	"transcoder":          {"internal/media"},
	"transcoder/av":       {"transcoder/av/frame", "transcoder", "internal/media"},
	"transcoder/av/frame": {"transcoder", "internal/media"},
	"transcoder/worker":   {"transcoder", "internal/media", "internal/wire"},
	"transcoder/capacity": {"transcoder", "internal/media"},
	"transcoder/cards":    {"transcoder"},

	"ingest":      {"internal/media"},
	"ingest/rtmp": {"ingest", "internal/media"},
	"ingest/push": {"ingest", "ingest/tsstream", "internal/media"},
	"ingest/whip": {"ingest", "ingest/rtpstream", "internal/media", "internal/rtc"},
	"ingest/rtsp": {"ingest", "ingest/rtpstream", "internal/media"},
	"ingest/srt":  {"ingest", "ingest/tsstream", "internal/media"},
	// What WHIP and RTSP share: units of RTP packets; SRT and pushed segments: of transport streams.
	"ingest/tsstream":   {"ingest", "internal/media"},
	"ingest/rtpstream":  {"ingest", "internal/media"},
	"ingest/ingesttest": {"ingest", "internal/media"}, // test material
	// What WHIP and WHEP share: ports, certificate, settings.
	"internal/rtc": {},
	// What TCP ports share: limits of connections.
	"internal/ports": {},

	"probabilistic-payments":              {"internal/eip712", "internal/identity"},
	"probabilistic-payments/ledger":       {"probabilistic-payments"},
	"probabilistic-payments/price":        {"probabilistic-payments"},
	"probabilistic-payments/allocation":   {"probabilistic-payments"},
	"probabilistic-payments/store/record": {"probabilistic-payments"},
	"probabilistic-payments/store/sqlite": {"probabilistic-payments", "probabilistic-payments/store/record"},
	"probabilistic-payments/store/redis":  {"probabilistic-payments", "probabilistic-payments/store/record"},
	"probabilistic-payments/store": {
		"probabilistic-payments", "probabilistic-payments/store/sqlite", "probabilistic-payments/store/redis",
	},

	"orchestrator/rpc": {
		"internal/wire", "transcoder", "internal/media", "internal/receipt", "internal/eip712", "probabilistic-payments", "internal/identity",
		"internal/ports",
	},
	"orchestrator": {
		"orchestrator/rpc", "transcoder", "internal/media", "internal/receipt", "internal/eip712", "probabilistic-payments", "internal/identity",
	},
	"probabilistic-payments/store/storetest": {
		"probabilistic-payments", "internal/eip712", "internal/identity",
	},
	"orchestrator/store/storetest": {
		"orchestrator", "orchestrator/rpc", "transcoder", "internal/media", "internal/receipt", "probabilistic-payments",
	},
	"orchestrator/store": {
		"orchestrator", "orchestrator/rpc", "transcoder", "internal/media", "internal/receipt", "internal/eip712",
		"probabilistic-payments", "internal/identity",
	},

	"broadcaster/selection":              {},
	"broadcaster/health":                 {"internal/media"},
	"broadcaster/lag":                    {},
	"broadcaster/worklist":               {"internal/media"},
	"broadcaster/free":                   {"broadcaster/playback", "broadcaster/worklist", "transcoder", "internal/media"},
	"broadcaster/sound":                  {"transcoder", "internal/media"},
	"broadcaster/audit":                  {"broadcaster/verify", "transcoder", "internal/media"},
	"broadcaster/verify":                 {"transcoder", "internal/media", "internal/receipt", "internal/eip712", "internal/identity"},
	"broadcaster/playback":               {"transcoder", "internal/media"},
	"broadcaster/playback/internal/clip": {"internal/media", "test/clip"}, // test material
	"broadcaster/playback/captions":      {"internal/media"},
	"broadcaster/playback/hls":           {"broadcaster/playback", "broadcaster/playback/captions", "transcoder", "internal/media"},
	"broadcaster/playback/rtsp":          {"broadcaster/playback", "transcoder", "internal/media"},
	"broadcaster/playback/thumbnail":     {"broadcaster/playback", "transcoder", "internal/media"},
	"broadcaster/playback/whep": {
		"broadcaster/playback", "broadcaster/playback/whep/bandwidth", "broadcaster/playback/whep/packets", "transcoder",
		"internal/media", "internal/rtc",
	},
	"broadcaster/playback/whep/bandwidth": {},
	"broadcaster/playback/whep/packets":   {"internal/media"},
	"broadcaster/restream":                {"broadcaster/playback", "internal/media"},
	"broadcaster/api":                     {"broadcaster", "broadcaster/playback", "broadcaster/api/web", "transcoder", "internal/media"},
	"broadcaster/api/web":                 {},
	"broadcaster/market": {
		"broadcaster/selection", "orchestrator/rpc", "transcoder", "internal/media", "internal/receipt", "internal/eip712", "internal/identity",
		"probabilistic-payments",
	},
	"broadcaster": {
		"broadcaster/market", "broadcaster/lag", "broadcaster/worklist", "broadcaster/free", "broadcaster/health", "broadcaster/sound", "broadcaster/verify", "broadcaster/audit", "broadcaster/playback", "ingest", "orchestrator/rpc", "transcoder",
		"internal/media", "internal/receipt", "internal/eip712", "probabilistic-payments", "internal/identity",
	},

	"contracts/bindings":          {},
	"contracts/bindings/generate": {},
	"contracts/chain":             {"contracts/bindings", "contracts/chain/endpoint", "contracts/chain/txs", "contracts/chain/follow", "internal/identity"},
	"contracts/chain/deploy":      {"contracts/chain", "contracts/chain/endpoint", "contracts/bindings"},
	"contracts/chain/endpoint":    {},
	"contracts/chain/follow":      {},
	"contracts/chain/registry":    {"contracts/chain"},
	"contracts/chain/txs":         {},
	"contracts/store":             {"contracts/chain", "contracts/chain/…"},
	"contracts/devchain":          {"contracts/bindings"},

	"cmd/castnet":        {"internal/node/…"},
	"cmd/castnet-worker": {"transcoder/av", "transcoder", "internal/media", "internal/wire"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestImportsFollowTheArrows(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, "castnet/")
		if _, ok := arrows[room]; !ok && !strings.HasPrefix(room, "test/") && !strings.HasPrefix(room, "internal/node") {
			t.Errorf("%s is not on the map: add it to the arrows, and to docs/ARCHITECTURE.md", room)
		}
		for _, imp := range p.Imports {
			if local, ok := strings.CutPrefix(imp, "castnet/"); ok && !allowed(room, local) {
				t.Errorf("%s imports %s: no arrow goes there", room, local)
			}
		}
	}
}

func TestLibavIsLinkedByTheWorkerAlone(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, "castnet/")
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, "github.com/asticode/go-astiav") && room != "transcoder/av" && room != "transcoder/av/frame" {
				t.Errorf("%s imports go-astiav: only transcoder/av and its frame may", room)
			}
			if strings.HasPrefix(imp, "castnet/transcoder/av") && room != "cmd/castnet-worker" && room != "transcoder/av" &&
				!strings.HasPrefix(room, "test/bench") && !strings.HasPrefix(room, "test/gpu") {
				t.Errorf("%s imports transcoder/av: only cmd/castnet-worker may", room)
			}
		}
	}
}

func allowed(room, imp string) bool {
	switch {
	case room == "test" || strings.HasPrefix(room, "test/"):
		return !strings.HasPrefix(imp, "cmd/")
	case strings.HasPrefix(room, "internal/node"):
		return !strings.HasPrefix(imp, "transcoder/av") && !strings.HasPrefix(imp, "test/") && !strings.HasPrefix(imp, "cmd/")
	}
	return slices.ContainsFunc(arrows[room], func(a string) bool {
		if tree, ok := strings.CutSuffix(a, "/…"); ok {
			return imp == tree || strings.HasPrefix(imp, tree+"/")
		}
		return imp == a
	})
}

// packages returns every package of the module.
func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "castnet/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) < 10 {
		t.Fatalf("go list found %d packages only", len(pkgs))
	}
	return pkgs
}
