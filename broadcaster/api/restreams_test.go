package api_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"castnet/broadcaster/api"
)

// pushed is a broadcaster that pushes its stream demo, with the key SECRET, on to one target at most.
type pushed struct{ targets []api.TargetView }

func (p *pushed) Publishes(key, stream string) bool { return key == "SECRET" && stream == "demo" }
func (p *pushed) Targets(string) []api.TargetView   { return p.targets }
func (p *pushed) RemoveTarget(_ string, id int) error {
	if len(p.targets) == 0 || p.targets[0].ID != id {
		return &api.Refusal{Status: http.StatusNotFound, Problem: api.Problem{Error: "no such target", Next: "look"}}
	}
	p.targets = nil
	return nil
}

func (p *pushed) AddTarget(_ string, t api.NewTarget) (api.TargetView, error) {
	if len(p.targets) > 0 {
		return api.TargetView{}, &api.Refusal{Status: http.StatusForbidden, Problem: api.Problem{Error: "too many", Next: "remove one"}}
	}
	p.targets = []api.TargetView{{ID: 7, Rendition: t.Rendition, Server: strings.TrimSuffix(t.URL, "/live/KEY"), State: "idle"}}
	return p.targets[0], nil
}

// TestRestreams: whoever has a stream's key changes where it is pushed on to, and nobody else learns anything.
func TestRestreams(t *testing.T) {
	w := &world{}
	cfg := config(w)
	cfg.Restreams = &pushed{}
	var said bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&said, nil)) // who guesses keys writes nothing into the log
	web := serve(t, cfg)
	ask := func(method, path, key, body string) reply {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, web.URL+"/api/v1/streams/"+path, strings.NewReader(body))
		require.NoError(t, err)
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return reply{resp.StatusCode, resp.Header, string(text)}
	}
	const target = `{"url": "rtmp://example.com/live/KEY", "rendition": "720p"}`
	for _, c := range []struct{ method, path, key string }{
		{"GET", "demo/restreams", ""}, {"POST", "demo/restreams", "WRONG"}, {"POST", "other/restreams", "SECRET"}, {"DELETE", "demo/restreams/7", ""},
	} {
		r := ask(c.method, c.path, c.key, target)
		require.Equal(t, http.StatusUnauthorized, r.code, c)
		require.Equal(t, "Bearer", r.header.Get("WWW-Authenticate"))
		require.NotContains(t, r.body, "SECRET")
	}
	require.NotContains(t, said.String(), "not the stream's key")
	require.Equal(t, "[]\n", ask("GET", "demo/restreams", "SECRET", "").body)
	for _, wrong := range []string{"", "{}", "[]", `{"url": 7}`, `{"url": "rtmp://a/b/c", "uri": ""}`, `{"url": "` + strings.Repeat("x", 5000) + `"}`} {
		r := ask("POST", "demo/restreams", "SECRET", wrong)
		require.Equal(t, http.StatusBadRequest, r.code, wrong)
		require.Contains(t, decode[api.Problem](t, r.body).Next, "rtmp://HOST/APP/KEY")
	}
	for _, wrong := range []string{"720P", "a/b", "720p\\n", strings.Repeat("7", 65)} {
		r := ask("POST", "demo/restreams", "SECRET", `{"url": "rtmp://example.com/live/KEY", "rendition": "`+wrong+`"}`)
		require.Equal(t, http.StatusBadRequest, r.code, wrong)
		require.Contains(t, decode[api.Problem](t, r.body).Error, "rendition")
	}
	r := ask("POST", "demo/restreams", "SECRET", target)
	require.Equal(t, http.StatusCreated, r.code)
	require.Equal(t, "application/json; charset=utf-8", r.header.Get("Content-Type"))
	require.Equal(t, 7, decode[api.TargetView](t, r.body).ID)
	require.NotContains(t, r.body, "KEY")
	require.Equal(t, http.StatusForbidden, ask("POST", "demo/restreams", "SECRET", target).code)
	require.Len(t, decode[[]api.TargetView](t, ask("GET", "demo/restreams", "SECRET", "").body), 1)
	require.Equal(t, http.StatusNotFound, ask("DELETE", "demo/restreams/eight", "SECRET", "").code)
	r = ask("DELETE", "demo/restreams/7", "SECRET", "")
	require.Equal(t, http.StatusNoContent, r.code)
	require.Empty(t, r.body)

	web = serve(t, config(w)) // of a broadcaster that pushes nothing on
	require.Equal(t, http.StatusUnauthorized, ask("POST", "demo/restreams", "SECRET", target).code)
}
