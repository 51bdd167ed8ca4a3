package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"
	"time"
)

//go:embed page.html
var pageHTML []byte

//go:embed page.css
var pageCSS []byte

//go:embed page.js
var pageJS []byte

// document is the page in one piece, and the policy that lets a browser run its own script and style, and nothing else.
var document = sync.OnceValues(func() (html []byte, policy string) {
	html = bytes.Replace(pageHTML, []byte("/*CSS*/"), pageCSS, 1)
	html = bytes.Replace(html, []byte("/*JS*/"), pageJS, 1)
	policy = fmt.Sprintf("default-src 'none'; script-src %s; style-src %s; img-src data:; connect-src 'self'; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		hashOf(pageJS), hashOf(pageCSS))
	return html, policy
})

// hashOf is how a Content-Security-Policy names an inline script or style, https://www.w3.org/TR/CSP3/#grammardef-hash-source.
func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (p *Page) document(w http.ResponseWriter, r *http.Request) {
	html, policy := document()
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	secure(w.Header())
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(html))
}
