# bunny, the client of Ruby, and its codec amq-protocol: ruby-bunny.
require "base64"
require "bigdecimal"
require "bunny"
require "json"

class Cannot < StandardError; end

NAMES = %i[content_type content_encoding delivery_mode priority correlation_id reply_to expiration message_id timestamp type user_id app_id cluster_id]

def native((letter, value))
  case letter
  when "t", "V" then value
  when "I", "l" then Integer(value)
  when "f" then raise Cannot # it writes them in the byte order of the machine, and the broker ends the connection at some
  when "d" then Float(value)
  when "D" then BigDecimal(value)
  when "S" then value
  when "S*" then Base64.decode64(value)
  when "T" then Time.at(Integer(value))
  when "F" then value.transform_values { |v| native(v) }
  when "A" then value.map { |v| native(v) }
  else raise Cannot
  end
end

def told(v)
  case v
  when Hash then ["table", v.to_h { |name, e| [name.to_s, told(e)] }]
  when Array then ["list", v.map { |e| told(e) }]
  when String
    text = v.dup.force_encoding("UTF-8")
    ["text", text.valid_encoding? ? text : { base64: Base64.strict_encode64(v) }]
  when Time then ["time", v.to_i.to_s]
  when nil then ["nil", ""]
  else [v.class.name, v.to_s]
  end
end

def write(connection, task)
  channel = connection.create_channel
  channel.confirm_select
  sent, cannot = [], []
  task["messages"].each do |m|
    properties = (m["properties"] || {}).transform_keys(&:to_sym)
    raise Cannot if properties.key?(:cluster_id)
    properties[:headers] = m["headers"].transform_values { |v| native(v) } if m["headers"]
    properties[:persistent] = properties[:delivery_mode] == 2 # delivery_mode alone is not heeded
    channel.basic_publish(Base64.decode64(m["body"]), m["exchange"] || task["exchange"], m["key"], mandatory: true, **properties)
    sent << m["key"]
  rescue Cannot, RangeError, ArgumentError, FloatDomainError
    cannot << m["key"]
  end
  channel.wait_for_confirms or abort "some were not confirmed"
  puts JSON.generate(sent: sent, cannot: cannot)
end

def read(connection, task)
  channel = connection.create_channel
  queues = task["queues"].to_h do |queue|
    got = []
    loop do
      delivery, p, body = channel.basic_get(queue, manual_ack: false)
      break if delivery.nil?
      properties = NAMES.filter_map { |n| [n, told(p[n])] unless p[n].nil? }.to_h
      got << { key: delivery.routing_key, exchange: delivery.exchange, body: Base64.strict_encode64(body), properties: properties,
               headers: (p[:headers] || {}).transform_values { |v| told(v) } }
    end
    [queue, got]
  end
  puts JSON.generate(queues: queues)
end

task = JSON.parse($stdin.read)
connection = Bunny.new(task["url"], logger: Logger.new(IO::NULL), automatically_recover: false).start
send(ARGV[0], connection, task)
connection.close
