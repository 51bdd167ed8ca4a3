#!/usr/bin/env escript
%% RabbitMQ's own client of Erlang, from the folder of the broker's plugins, which ERL_LIBS names. Its types are those of the wire.
-include_lib("amqp_client/include/amqp_client.hrl").
-mode(compile).

main([How]) ->
    logger:set_primary_config(level, error),
    {ok, _} = application:ensure_all_started(amqp_client),
    Task = rabbit_json:decode(all(<<>>)),
    {ok, Params} = amqp_uri:parse(binary_to_list(maps:get(<<"url">>, Task))),
    {ok, Connection} = amqp_connection:start(Params),
    {ok, Channel} = amqp_connection:open_channel(Connection),
    Answer = case How of "write" -> write(Channel, Task); "read" -> read(Channel, Task) end,
    ok = file:write(standard_io, rabbit_json:encode(Answer)),
    ok = amqp_connection:close(Connection),
    halt(0).

all(Read) ->
    case file:read(standard_io, 65536) of
        {ok, More} -> all(<<Read/binary, (iolist_to_binary(More))/binary>>);
        eof -> Read
    end.

write(Channel, Task) ->
    #'confirm.select_ok'{} = amqp_channel:call(Channel, #'confirm.select'{}),
    Sent = [send(Channel, maps:get(<<"exchange">>, Task), M) || M <- maps:get(<<"messages">>, Task)],
    true = amqp_channel:wait_for_confirms(Channel, 60),
    #{sent => [K || {sent, K} <- Sent], cannot => [K || {cannot, K} <- Sent]}.

send(Channel, Exchange, M) ->
    Key = maps:get(<<"key">>, M),
    try properties(M) of
        P ->
            Publish = #'basic.publish'{exchange = maps:get(<<"exchange">>, M, Exchange), routing_key = Key, mandatory = true},
            ok = amqp_channel:call(Channel, Publish, #amqp_msg{props = P, payload = base64:decode(maps:get(<<"body">>, M))}),
            {sent, Key}
    catch
        throw:cannot -> {cannot, Key}
    end.

properties(M) ->
    Headers = case M of #{<<"headers">> := H} -> table(H); _ -> undefined end,
    P = maps:get(<<"properties">>, M, #{}),
    Get = fun(Name) -> maps:get(Name, P, undefined) end,
    #'P_basic'{headers = Headers, content_type = Get(<<"content_type">>), content_encoding = Get(<<"content_encoding">>),
        delivery_mode = Get(<<"delivery_mode">>), priority = Get(<<"priority">>), correlation_id = Get(<<"correlation_id">>),
        reply_to = Get(<<"reply_to">>), expiration = Get(<<"expiration">>), message_id = Get(<<"message_id">>),
        timestamp = Get(<<"timestamp">>), type = Get(<<"type">>), user_id = Get(<<"user_id">>), app_id = Get(<<"app_id">>),
        cluster_id = Get(<<"cluster_id">>)}.

table(Described) -> [begin {Type, V} = field(D), {Name, Type, V} end || {Name, D} <- maps:to_list(Described)].

field([<<"t">>, V]) -> {bool, V};
field([<<"b">>, V]) -> {byte, binary_to_integer(V)};
field([<<"B">>, V]) -> {unsignedbyte, binary_to_integer(V)};
field([<<"s">>, V]) -> {short, binary_to_integer(V)};
field([<<"u">>, V]) -> {unsignedshort, binary_to_integer(V)};
field([<<"I">>, V]) -> {signedint, binary_to_integer(V)};
field([<<"i">>, V]) -> {unsignedint, binary_to_integer(V)};
field([<<"l">>, V]) -> {long, binary_to_integer(V)};
field([<<"f">>, V]) -> {float, number(V)};
field([<<"d">>, V]) -> {double, number(V)};
field([<<"D">>, V]) -> {decimal, decimal(binary:split(V, <<".">>))};
field([<<"S">>, V]) -> {longstr, V};
field([<<"S*">>, V]) -> {longstr, base64:decode(V)};
field([<<"x">>, V]) -> {binary, base64:decode(V)};
field([<<"T">>, V]) -> {timestamp, binary_to_integer(V)};
field([<<"F">>, V]) -> {table, table(V)};
field([<<"A">>, V]) -> {array, [field(E) || E <- V]};
field([<<"V">>, _]) -> {void, undefined};
field(_) -> throw(cannot).

number(V) -> try binary_to_float(V) catch error:badarg -> throw(cannot) end. % no NaN, no infinity

decimal([<<"-", _/binary>> | _]) -> throw(cannot);
decimal([Whole]) -> {0, binary_to_integer(Whole)};
decimal([Whole, Part]) -> {byte_size(Part), binary_to_integer(<<Whole/binary, Part/binary>>)}.

read(Channel, Task) -> #{queues => maps:from_list([{Q, got(Channel, Q, [])} || Q <- maps:get(<<"queues">>, Task)])}.

got(Channel, Queue, Got) ->
    case amqp_channel:call(Channel, #'basic.get'{queue = Queue, no_ack = true}) of
        #'basic.get_empty'{} -> lists:reverse(Got);
        {#'basic.get_ok'{routing_key = Key, exchange = Exchange}, #amqp_msg{props = P, payload = Body}} ->
            M = #{key => text(Key), exchange => text(Exchange), body => base64:encode(Body), properties => told(P),
                headers => told_table(case P#'P_basic'.headers of undefined -> []; H -> H end)},
            got(Channel, Queue, [M | Got])
    end.

told(P) ->
    All = [{content_type, P#'P_basic'.content_type}, {content_encoding, P#'P_basic'.content_encoding}, {delivery_mode, P#'P_basic'.delivery_mode},
        {priority, P#'P_basic'.priority}, {correlation_id, P#'P_basic'.correlation_id}, {reply_to, P#'P_basic'.reply_to},
        {expiration, P#'P_basic'.expiration}, {message_id, P#'P_basic'.message_id}, {timestamp, P#'P_basic'.timestamp},
        {type, P#'P_basic'.type}, {user_id, P#'P_basic'.user_id}, {app_id, P#'P_basic'.app_id}, {cluster_id, P#'P_basic'.cluster_id}],
    maps:from_list([{Name, [<<>>, told_value(V)]} || {Name, V} <- All, V =/= undefined]).

told_table(T) -> maps:from_list([{text(Name), [Type, told_value(V)]} || {Name, Type, V} <- T]).

told_value(V) when is_boolean(V) -> V;
told_value(V) when is_binary(V) -> case text(V) of <<"base64:", Raw/binary>> -> #{base64 => Raw}; Text -> Text end;
told_value({Scale, V}) -> iolist_to_binary(io_lib:format("~be-~b", [V, Scale]));
told_value([{_, _, _} | _] = T) -> told_table(T);
told_value([{_, _} | _] = List) -> [[Type, told_value(V)] || {Type, V} <- List];
told_value([]) -> <<"empty">>;
told_value(V) -> iolist_to_binary(io_lib:format("~w", [V])).

text(V) -> case unicode:characters_to_list(V) of L when is_list(L) -> V; _ -> <<"base64:", (base64:encode(V))/binary>> end.
