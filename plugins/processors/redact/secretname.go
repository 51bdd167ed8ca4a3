package redact

// secretName is what a name ends with whose value is a secret, in lower case and without what separates its words.
type secretName struct {
	text string
	// word says that it is one only as a word of its own: a "pass" is a password, and a "bypass" is none.
	word bool
	// weak says that prose has it before a colon as well, as in "unexpected token: end".
	weak bool
}

var secretNames = []secretName{
	{text: "password"}, {text: "passwd"}, {text: "passphrase"}, {text: "pwd", word: true}, {text: "pass", word: true, weak: true},
	{text: "secret"}, {text: "credential", weak: true}, {text: "credentials", weak: true},
	{text: "token", weak: true}, {text: "jwt", word: true, weak: true},
	{text: "apikey"}, {text: "accesskey"}, {text: "secretkey"}, {text: "privatekey"}, {text: "accountkey"}, {text: "encryptionkey"}, {text: "signingkey"},
	{text: "masterkey"}, {text: "subscriptionkey"}, {text: "authkey"},
	{text: "sig", word: true, weak: true}, {text: "signature", weak: true}, {text: "hmac", word: true, weak: true},
	{text: "auth", word: true, weak: true}, {text: "authorization"},
	{text: "session", word: true, weak: true}, {text: "sessionid"}, {text: "sessid"}, {text: "sid", word: true, weak: true},
}

// publicTokens are names that end in "token" and are places in a list.
var publicTokens = []string{"pagetoken", "nexttoken", "continuationtoken", "synctoken", "resumetoken"}

// byLastLetter finds the few names that a name can end with at once.
var byLastLetter = func() (by ['z' + 1][]secretName) {
	for _, name := range secretNames {
		last := name.text[len(name.text)-1]
		by[last] = append(by[last], name)
	}
	return by
}()

// beforeLast has, by the last letter of names, a bit for each letter that stands before it in one of them: most words end otherwise.
var beforeLast = func() (by ['z' + 1]uint32) {
	for _, name := range secretNames {
		n := len(name.text)
		by[name.text[n-1]] |= 1 << (name.text[n-2] - 'a')
	}
	return by
}()

// nameOfSecret returns what text[:end] ends with that names a secret; ok is false where nothing does.
func nameOfSecret(text []byte, end int) (name secretName, ok bool) {
	if end == 0 || lower(text[end-1]) > 'z' {
		return name, false
	}
	last := lower(text[end-1])
	if end > 1 {
		if c := lower(text[end-2]); 'a' <= c && c <= 'z' && beforeLast[last]&(1<<(c-'a')) == 0 {
			return name, false
		}
	}
	for _, name := range byLastLetter[last] {
		from := suffix(text, end, name.text)
		if from < 0 || name.word && isInWord(text, from) {
			continue
		}
		if name.text == "token" && isPublicToken(text, end) {
			return name, false
		}
		return name, true
	}
	return name, false
}

// suffix returns where in text[:end] the name begins that it ends with, whatever separates its words, -1 when it ends otherwise.
func suffix(text []byte, end int, name string) int {
	i := end
	for n := len(name); n > 0; {
		if i == 0 {
			return -1
		}
		i--
		switch c := text[i]; {
		case lower(c) == name[n-1]:
			n--
		case n < len(name) && (c == '_' || c == '-' || c == '.'):
		default:
			return -1
		}
	}
	return i
}

// isInWord reports whether a letter stands before i that is of the same word: "userPass" and "user_pass" are two.
func isInWord(text []byte, i int) bool {
	if i == 0 || !isWord(text[i-1]) || text[i-1] == '_' {
		return false
	}
	return isDigit(text[i-1]) || text[i] == lower(text[i]) || text[i-1] != lower(text[i-1])
}

func isPublicToken(text []byte, end int) bool {
	for _, name := range publicTokens {
		if suffix(text, end, name) >= 0 {
			return true
		}
	}
	return false
}
