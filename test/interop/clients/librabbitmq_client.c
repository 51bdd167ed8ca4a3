// librabbitmq, the client of C: librabbitmq-dev. It writes and tells the letter of each type, so it is the one that knows exactly.
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(1);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *encode64(amqp_bytes_t in) {
  const unsigned char *b = in.bytes;
  char *out = malloc(4 * (in.len / 3 + 1) + 1), *p = out;
  for (size_t i = 0; i < in.len; i += 3) {
    unsigned n = b[i] << 16 | (i + 1 < in.len ? b[i + 1] << 8 : 0) | (i + 2 < in.len ? b[i + 2] : 0);
    *p++ = alphabet[n >> 18];
    *p++ = alphabet[n >> 12 & 63];
    *p++ = i + 1 < in.len ? alphabet[n >> 6 & 63] : '=';
    *p++ = i + 2 < in.len ? alphabet[n & 63] : '=';
  }
  *p = 0;
  return out;
}

static amqp_bytes_t decode64(const char *text) {
  amqp_bytes_t out = {0, malloc(strlen(text) + 1)};
  unsigned n = 0, bits = 0;
  for (; *text && *text != '='; text++) {
    n = n << 6 | (unsigned)(strchr(alphabet, *text) - alphabet);
    if ((bits += 6) >= 8) ((char *)out.bytes)[out.len++] = n >> (bits -= 8) & 255;
  }
  return out;
}

// The values of headers, from their description.

static amqp_table_t to_table(cJSON *object);

static amqp_field_value_t to_field(cJSON *pair) {
  amqp_field_value_t f;
  const cJSON *v = cJSON_GetArrayItem(pair, 1);
  const char *letter = cJSON_GetArrayItem(pair, 0)->valuestring, *text = cJSON_IsString(v) ? v->valuestring : "";
  memset(&f, 0, sizeof f);
  f.kind = letter[0];
  switch (f.kind) {
    case 't': f.value.boolean = cJSON_IsTrue(v); break;
    case 'b': f.value.i8 = strtoll(text, 0, 10); break;
    case 'B': f.value.u8 = strtoull(text, 0, 10); break;
    case 's': f.value.i16 = strtoll(text, 0, 10); break;
    case 'u': f.value.u16 = strtoull(text, 0, 10); break;
    case 'I': f.value.i32 = strtoll(text, 0, 10); break;
    case 'i': f.value.u32 = strtoull(text, 0, 10); break;
    case 'l': f.value.i64 = strtoll(text, 0, 10); break;
    case 'L': case 'T': f.value.u64 = strtoull(text, 0, 10); break;
    case 'f': f.value.f32 = strtof(text, 0); break;
    case 'd': f.value.f64 = strtod(text, 0); break;
    case 'D': {
      const char *dot = strchr(text, '.');
      char digits[64];
      size_t whole = dot ? (size_t)(dot - text) : strlen(text);
      snprintf(digits, sizeof digits, "%.*s%s", (int)whole, text, dot ? dot + 1 : "");
      f.value.decimal.decimals = dot ? strlen(dot + 1) : 0;
      f.value.decimal.value = (uint32_t)strtoll(digits, 0, 10);
      break;
    }
    case 'S': f.value.bytes = letter[1] == '*' ? decode64(text) : amqp_cstring_bytes(text); break;
    case 'x': f.value.bytes = decode64(text); break;
    case 'F': f.value.table = to_table((cJSON *)v); break;
    case 'A':
      f.value.array.num_entries = cJSON_GetArraySize(v);
      f.value.array.entries = calloc(f.value.array.num_entries + 1, sizeof f);
      for (int i = 0; i < f.value.array.num_entries; i++) f.value.array.entries[i] = to_field(cJSON_GetArrayItem(v, i));
      break;
    case 'V': break;
    default: die("a value of the type %s", letter);
  }
  return f;
}

static amqp_table_t to_table(cJSON *object) {
  amqp_table_t t = {cJSON_GetArraySize(object), 0};
  t.entries = calloc(t.num_entries + 1, sizeof *t.entries);
  int i = 0;
  cJSON *pair;
  cJSON_ArrayForEach(pair, object) {
    t.entries[i].key = amqp_cstring_bytes(pair->string);
    t.entries[i++].value = to_field(pair);
  }
  return t;
}

// The same way back.

static int is_text(amqp_bytes_t b) {  // UTF-8 without NUL, which cJSON can write
  const unsigned char *p = b.bytes, *end = p + b.len;
  while (p < end) {
    int more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : *p >= 0xe0 && *p < 0xf0 ? 2 : *p >= 0xf0 && *p < 0xf5 ? 3 : -1;
    if (*p == 0 || more < 0 || end - p <= more) return 0;
    for (p++; more > 0; more--, p++)
      if ((*p & 0xc0) != 0x80) return 0;
  }
  return 1;
}

static cJSON *text_of(amqp_bytes_t b) {
  if (is_text(b)) {
    char *s = strndup(b.bytes ? b.bytes : "", b.len);
    return cJSON_CreateString(s);
  }
  cJSON *raw = cJSON_CreateObject();
  cJSON_AddStringToObject(raw, "base64", encode64(b));
  return raw;
}

static char *key_of(amqp_bytes_t b) {
  if (is_text(b)) return strndup(b.bytes ? b.bytes : "", b.len);
  char *s = encode64(b), *key = malloc(strlen(s) + 8);
  sprintf(key, "base64:%s", s);
  return key;
}

static cJSON *of_table(amqp_table_t t);

static cJSON *print(const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return cJSON_CreateString(text);
}

static cJSON *of_value(amqp_field_value_t f) {
  switch (f.kind) {
    case 't': return cJSON_CreateBool(f.value.boolean);
    case 'b': return print("%d", f.value.i8);
    case 'B': return print("%u", f.value.u8);
    case 's': return print("%d", f.value.i16);
    case 'u': return print("%u", f.value.u16);
    case 'I': return print("%" PRId32, f.value.i32);
    case 'i': return print("%" PRIu32, f.value.u32);
    case 'l': return print("%" PRId64, f.value.i64);
    case 'L': case 'T': return print("%" PRIu64, f.value.u64);
    case 'f': return print("%.17g", f.value.f32);
    case 'd': return print("%.17g", f.value.f64);
    case 'D': return print("%" PRId32 "e-%u", (int32_t)f.value.decimal.value, f.value.decimal.decimals);
    case 'S': case 'x': return text_of(f.value.bytes);
    case 'F': return of_table(f.value.table);
    case 'A': {
      cJSON *list = cJSON_CreateArray();
      for (int i = 0; i < f.value.array.num_entries; i++) {
        char letter[2] = {(char)f.value.array.entries[i].kind};
        cJSON *pair = cJSON_CreateArray();
        cJSON_AddItemToArray(pair, cJSON_CreateString(letter));
        cJSON_AddItemToArray(pair, of_value(f.value.array.entries[i]));
        cJSON_AddItemToArray(list, pair);
      }
      return list;
    }
  }
  return cJSON_CreateString("");
}

static cJSON *of_table(amqp_table_t t) {
  cJSON *object = cJSON_CreateObject();
  for (int i = 0; i < t.num_entries; i++) {
    char letter[2] = {(char)t.entries[i].value.kind};
    cJSON *pair = cJSON_CreateArray();
    cJSON_AddItemToArray(pair, cJSON_CreateString(letter));
    cJSON_AddItemToArray(pair, of_value(t.entries[i].value));
    cJSON_AddItemToObject(object, key_of(t.entries[i].key), pair);
  }
  return object;
}

// The properties by their names: octets, times, and texts for the rest.

#define TEXTS(each)                                                            \
  each(content_type, CONTENT_TYPE) each(content_encoding, CONTENT_ENCODING)    \
  each(correlation_id, CORRELATION_ID) each(reply_to, REPLY_TO)                \
  each(expiration, EXPIRATION) each(message_id, MESSAGE_ID) each(type, TYPE)   \
  each(user_id, USER_ID) each(app_id, APP_ID) each(cluster_id, CLUSTER_ID)

static amqp_basic_properties_t to_properties(cJSON *m) {
  amqp_basic_properties_t p;
  memset(&p, 0, sizeof p);
  cJSON *given = cJSON_GetObjectItem(m, "properties"), *headers = cJSON_GetObjectItem(m, "headers"), *v;
#define TO_TEXT(name, NAME)                                   \
  if ((v = cJSON_GetObjectItem(given, #name))) {              \
    p._flags |= AMQP_BASIC_##NAME##_FLAG;                     \
    p.name = amqp_cstring_bytes(v->valuestring);              \
  }
  TEXTS(TO_TEXT)
  if ((v = cJSON_GetObjectItem(given, "delivery_mode"))) p._flags |= AMQP_BASIC_DELIVERY_MODE_FLAG, p.delivery_mode = v->valueint;
  if ((v = cJSON_GetObjectItem(given, "priority"))) p._flags |= AMQP_BASIC_PRIORITY_FLAG, p.priority = v->valueint;
  if ((v = cJSON_GetObjectItem(given, "timestamp"))) p._flags |= AMQP_BASIC_TIMESTAMP_FLAG, p.timestamp = (uint64_t)v->valuedouble;
  if (headers) p._flags |= AMQP_BASIC_HEADERS_FLAG, p.headers = to_table(headers);
  return p;
}

static void told(cJSON *to, const char *name, cJSON *value) {
  cJSON *pair = cJSON_CreateArray();
  cJSON_AddItemToArray(pair, cJSON_CreateString(""));
  cJSON_AddItemToArray(pair, value);
  cJSON_AddItemToObject(to, name, pair);
}

static cJSON *of_message(amqp_basic_get_ok_t *got, amqp_message_t *m) {
  cJSON *out = cJSON_CreateObject(), *properties = cJSON_AddObjectToObject(out, "properties");
  amqp_basic_properties_t *p = &m->properties;
  cJSON_AddItemToObject(out, "key", cJSON_CreateString(key_of(got->routing_key)));
  cJSON_AddItemToObject(out, "exchange", cJSON_CreateString(key_of(got->exchange)));
  cJSON_AddItemToObject(out, "body", cJSON_CreateString(encode64(m->body)));
#define OF_TEXT(name, NAME) \
  if (p->_flags & AMQP_BASIC_##NAME##_FLAG) told(properties, #name, text_of(p->name));
  TEXTS(OF_TEXT)
  if (p->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) told(properties, "delivery_mode", print("%u", p->delivery_mode));
  if (p->_flags & AMQP_BASIC_PRIORITY_FLAG) told(properties, "priority", print("%u", p->priority));
  if (p->_flags & AMQP_BASIC_TIMESTAMP_FLAG) told(properties, "timestamp", print("%" PRIu64, p->timestamp));
  cJSON_AddItemToObject(out, "headers", of_table(p->headers));
  return out;
}

static void check_reply(amqp_rpc_reply_t r, const char *what) {
  if (r.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (r.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && r.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    amqp_bytes_t text = ((amqp_channel_close_t *)r.reply.decoded)->reply_text;
    die("%s: %.*s", what, (int)text.len, (char *)text.bytes);
  }
  die("%s: reply type %d, %s", what, r.reply_type, amqp_error_string2(r.library_error));
}

static void check(amqp_connection_state_t c, const char *what) { check_reply(amqp_get_rpc_reply(c), what); }

static amqp_connection_state_t dial(char *url) {
  struct amqp_connection_info at;
  if (amqp_parse_url(strdup(url), &at) != AMQP_STATUS_OK) die("no URL: %s", url);
  amqp_connection_state_t c = amqp_new_connection();
  if (amqp_socket_open(amqp_tcp_socket_new(c), at.host, at.port)) die("connect to %s:%d", at.host, at.port);
  check_reply(amqp_login(c, at.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, at.user, at.password), "login");
  amqp_channel_open(c, 1);
  check(c, "open a channel");
  return c;
}

static void await_confirm(amqp_connection_state_t c, const char *key) {
  for (;;) {
    amqp_frame_t frame;
    if (amqp_simple_wait_frame(c, &frame) < 0) die("the connection is lost behind %s", key);
    if (frame.frame_type != AMQP_FRAME_METHOD) continue;
    if (frame.payload.method.id == AMQP_BASIC_ACK_METHOD) return;
    die("%s was not taken, but answered by method %08x", key, frame.payload.method.id);
  }
}

static cJSON *write_all(amqp_connection_state_t c, cJSON *task) {
  cJSON *out = cJSON_CreateObject(), *sent = cJSON_AddArrayToObject(out, "sent"), *m;
  cJSON_AddArrayToObject(out, "cannot");
  amqp_confirm_select(c, 1);
  check(c, "confirms");
  cJSON_ArrayForEach(m, cJSON_GetObjectItem(task, "messages")) {
    char *key = cJSON_GetObjectItem(m, "key")->valuestring;
    cJSON *exchange = cJSON_GetObjectItem(m, "exchange");
    if (!exchange) exchange = cJSON_GetObjectItem(task, "exchange");
    amqp_basic_properties_t p = to_properties(m);
    int failed = amqp_basic_publish(c, 1, amqp_cstring_bytes(exchange->valuestring), amqp_cstring_bytes(key), 1, 0, &p,
                                    decode64(cJSON_GetObjectItem(m, "body")->valuestring));
    if (failed) die("publish %s: %s", key, amqp_error_string2(failed));
    await_confirm(c, key);
    cJSON_AddItemToArray(sent, cJSON_CreateString(key));
  }
  return out;
}

static cJSON *read_all(amqp_connection_state_t c, cJSON *task) {
  cJSON *out = cJSON_CreateObject(), *queues = cJSON_AddObjectToObject(out, "queues"), *queue;
  cJSON_ArrayForEach(queue, cJSON_GetObjectItem(task, "queues")) {
    cJSON *list = cJSON_AddArrayToObject(queues, queue->valuestring);
    for (;;) {
      amqp_rpc_reply_t r = amqp_basic_get(c, 1, amqp_cstring_bytes(queue->valuestring), 1);
      check_reply(r, queue->valuestring);
      if (r.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) break;
      amqp_basic_get_ok_t *got = r.reply.decoded;
      amqp_message_t m;
      amqp_rpc_reply_t read = amqp_read_message(c, 1, &m, 0);
      if (read.reply_type != AMQP_RESPONSE_NORMAL) die("read a message of %s: %s", queue->valuestring, amqp_error_string2(read.library_error));
      cJSON_AddItemToArray(list, of_message(got, &m));
      amqp_destroy_message(&m);
      amqp_maybe_release_buffers_on_channel(c, 1);
    }
  }
  return out;
}

int main(int argc, char **argv) {
  size_t size = 0, n;
  char *text = malloc(1), part[65536];
  while ((n = fread(part, 1, sizeof part, stdin)) > 0) {
    text = realloc(text, size + n + 1);
    memcpy(text + size, part, n);
    size += n;
  }
  text[size] = 0;
  cJSON *task = cJSON_Parse(text);
  if (argc < 2 || !task) die("no task");
  amqp_connection_state_t c = dial(cJSON_GetObjectItem(task, "url")->valuestring);
  cJSON *out = strcmp(argv[1], "write") ? read_all(c, task) : write_all(c, task);
  puts(cJSON_PrintUnformatted(out));
  amqp_connection_close(c, AMQP_REPLY_SUCCESS);
  return 0;
}
