// The Java client of RabbitMQ: librabbitmq-client-java. Run from its source, with the library on the class path.
import com.rabbitmq.client.*;
import java.io.*;
import java.math.BigDecimal;
import java.nio.charset.*;
import java.util.*;

public class JavaClient {
    /** Cannot says that the library has no way to write this. */
    static class Cannot extends RuntimeException {}

    public static void main(String[] args) throws Exception {
        Map<String, Object> task = map(new Json(new String(System.in.readAllBytes(), StandardCharsets.UTF_8)).value());
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri((String) task.get("url"));
        factory.setAutomaticRecoveryEnabled(false);
        try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
            Object answer = args[0].equals("write") ? write(channel, task) : read(channel, task);
            PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, "UTF-8");
            out.println(Json.text(answer));
        }
    }

    static Object write(Channel channel, Map<String, Object> task) throws Exception {
        List<Object> sent = new ArrayList<>(), cannot = new ArrayList<>();
        channel.confirmSelect();
        for (Object each : (List<?>) task.get("messages")) {
            Map<String, Object> m = map(each);
            AMQP.BasicProperties p;
            try {
                p = properties(m);
            } catch (Cannot | NumberFormatException e) {
                cannot.add(m.get("key"));
                continue;
            }
            Object exchange = m.getOrDefault("exchange", task.get("exchange"));
            try {
                channel.basicPublish((String) exchange, (String) m.get("key"), true, p, Base64.getDecoder().decode((String) m.get("body")));
            } catch (IllegalArgumentException e) { // the library writes nothing of it then
                cannot.add(m.get("key"));
                continue;
            }
            sent.add(m.get("key"));
        }
        channel.waitForConfirmsOrDie(60_000);
        return Map.of("sent", sent, "cannot", cannot);
    }

    static AMQP.BasicProperties properties(Map<String, Object> m) {
        AMQP.BasicProperties.Builder b = new AMQP.BasicProperties.Builder();
        if (m.containsKey("headers")) b.headers(table(m.get("headers")));
        for (Map.Entry<String, Object> e : map(m.getOrDefault("properties", Map.of())).entrySet()) {
            String v = String.valueOf(e.getValue());
            switch (e.getKey()) {
                case "content_type": b.contentType(v); break;
                case "content_encoding": b.contentEncoding(v); break;
                case "delivery_mode": b.deliveryMode(Integer.valueOf(v)); break;
                case "priority": b.priority(Integer.valueOf(v)); break;
                case "correlation_id": b.correlationId(v); break;
                case "reply_to": b.replyTo(v); break;
                case "expiration": b.expiration(v); break;
                case "message_id": b.messageId(v); break;
                case "timestamp": b.timestamp(date(v)); break;
                case "type": b.type(v); break;
                case "user_id": b.userId(v); break;
                case "app_id": b.appId(v); break;
                case "cluster_id": b.clusterId(v); break;
                default: throw new Cannot();
            }
        }
        return b.build();
    }

    static Date date(String seconds) {
        try {
            return new Date(Math.multiplyExact(Long.parseLong(seconds), 1000L));
        } catch (ArithmeticException | NumberFormatException e) {
            throw new Cannot();
        }
    }

    static Map<String, Object> table(Object described) {
        Map<String, Object> t = new HashMap<>();
        map(described).forEach((name, v) -> t.put(name, field((List<?>) v)));
        return t;
    }

    static Object field(List<?> described) {
        Object v = described.get(1);
        switch ((String) described.get(0)) {
            case "t": return v;
            case "b": return Byte.valueOf((String) v);
            case "s": return Short.valueOf((String) v);
            case "I": return Integer.valueOf((String) v);
            case "l": return Long.valueOf((String) v);
            case "f": return Float.valueOf((String) v);
            case "d": return Double.valueOf((String) v);
            case "D": return new BigDecimal((String) v);
            case "S": return v;
            case "S*": return com.rabbitmq.client.impl.LongStringHelper.asLongString(Base64.getDecoder().decode((String) v));
            case "x": return Base64.getDecoder().decode((String) v);
            case "T": return date((String) v);
            case "F": return table(v);
            case "A": {
                List<Object> list = new ArrayList<>();
                for (Object e : (List<?>) v) list.add(field((List<?>) e));
                return list;
            }
            case "V": return null;
        }
        throw new Cannot();
    }

    static Object read(Channel channel, Map<String, Object> task) throws Exception {
        Map<String, Object> queues = new HashMap<>();
        for (Object queue : (List<?>) task.get("queues")) {
            List<Object> got = new ArrayList<>();
            for (GetResponse m; (m = channel.basicGet((String) queue, true)) != null;) {
                Map<String, Object> headers = new HashMap<>();
                if (m.getProps().getHeaders() != null) m.getProps().getHeaders().forEach((name, v) -> headers.put(name, told(v)));
                got.add(Map.of("key", m.getEnvelope().getRoutingKey(), "exchange", m.getEnvelope().getExchange(),
                    "body", Base64.getEncoder().encodeToString(m.getBody()), "properties", told(m.getProps()), "headers", headers));
            }
            queues.put((String) queue, got);
        }
        return Map.of("queues", queues);
    }

    static Map<String, Object> told(AMQP.BasicProperties p) {
        Map<String, Object> all = new HashMap<>();
        Object[] values = {"content_type", p.getContentType(), "content_encoding", p.getContentEncoding(), "delivery_mode", p.getDeliveryMode(),
            "priority", p.getPriority(), "correlation_id", p.getCorrelationId(), "reply_to", p.getReplyTo(), "expiration", p.getExpiration(),
            "message_id", p.getMessageId(), "timestamp", p.getTimestamp(), "type", p.getType(), "user_id", p.getUserId(), "app_id", p.getAppId(),
            "cluster_id", p.getClusterId()};
        for (int i = 0; i < values.length; i += 2)
            if (values[i + 1] != null) all.put((String) values[i], told(values[i + 1]));
        return all;
    }

    static Object told(Object v) {
        if (v == null) return List.of("null", "");
        String kind = v.getClass().getSimpleName();
        if (v instanceof byte[]) return List.of("byte[]", raw((byte[]) v));
        if (v instanceof LongString) return List.of("LongString", text(((LongString) v).getBytes()));
        if (v instanceof Date) return List.of(kind, String.valueOf(((Date) v).getTime()));
        if (v instanceof BigDecimal) return List.of(kind, ((BigDecimal) v).toString());
        if (v instanceof List) {
            List<Object> list = new ArrayList<>();
            for (Object e : (List<?>) v) list.add(told(e));
            return List.of("list", list);
        }
        if (v instanceof Map) {
            Map<String, Object> t = new HashMap<>();
            ((Map<?, ?>) v).forEach((name, e) -> t.put(String.valueOf(name), told(e)));
            return List.of("table", t);
        }
        return List.of(kind, String.valueOf(v));
    }

    static Object text(byte[] b) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(java.nio.ByteBuffer.wrap(b)).toString();
        } catch (CharacterCodingException e) {
            return raw(b);
        }
    }

    static Object raw(byte[] b) {
        return Map.of("base64", Base64.getEncoder().encodeToString(b));
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> map(Object v) {
        return (Map<String, Object>) v;
    }

    /** Json reads and writes what this test needs of JSON; Java has nothing for it. Numbers become Long. */
    static class Json {
        final String s;
        int at;

        Json(String s) { this.s = s; }

        char next() {
            while (Character.isWhitespace(s.charAt(at))) at++;
            return s.charAt(at);
        }

        Object value() {
            switch (next()) {
                case '{': {
                    Map<String, Object> m = new LinkedHashMap<>();
                    for (at++; next() != '}';) {
                        if (s.charAt(at) == ',') { at++; next(); }
                        String name = string();
                        next(); // the colon
                        at++;
                        m.put(name, value());
                    }
                    at++;
                    return m;
                }
                case '[': {
                    List<Object> list = new ArrayList<>();
                    for (at++; next() != ']';) {
                        if (s.charAt(at) == ',') at++;
                        list.add(value());
                    }
                    at++;
                    return list;
                }
                case '"': return string();
                case 't': at += 4; return true;
                case 'f': at += 5; return false;
                case 'n': at += 4; return null;
            }
            int from = at;
            while (at < s.length() && "+-.0123456789eE".indexOf(s.charAt(at)) >= 0) at++;
            String n = s.substring(from, at);
            return n.length() > 18 ? (Object) new java.math.BigInteger(n) : (Object) Long.valueOf(n);
        }

        String string() {
            StringBuilder b = new StringBuilder();
            for (at++; s.charAt(at) != '"'; at++) {
                char c = s.charAt(at);
                if (c != '\\') { b.append(c); continue; }
                c = s.charAt(++at);
                if (c == 'u') { b.append((char) Integer.parseInt(s.substring(at + 1, at + 5), 16)); at += 4; }
                else b.append("\"\\/bfnrt".indexOf(c) < 0 ? c : "\"\\/\b\f\n\r\t".charAt("\"\\/bfnrt".indexOf(c)));
            }
            at++;
            return b.toString();
        }

        static String text(Object v) {
            if (v == null || v instanceof Boolean || v instanceof Number) return String.valueOf(v);
            StringBuilder b = new StringBuilder();
            if (v instanceof Map) {
                ((Map<?, ?>) v).forEach((name, e) -> b.append(b.length() == 0 ? "" : ",").append(text(name)).append(':').append(text(e)));
                return "{" + b + "}";
            }
            if (v instanceof List) {
                ((List<?>) v).forEach(e -> b.append(b.length() == 0 ? "" : ",").append(text(e)));
                return "[" + b + "]";
            }
            for (char c : v.toString().toCharArray())
                b.append(c < ' ' || c == '"' || c == '\\' || c > '~' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
            return "\"" + b + "\"";
        }
    }
}
