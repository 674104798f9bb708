package io.flinkkubeha.tests.exchange;

import io.flinkkubeha.tests.Conversation;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * One side of an exchange of HA data, through nothing but what Flink itself calls.
 *
 * <p>Whose HA services it uses is a matter of the class path. It answers each step with what it
 * wrote or saw.
 *
 * <p>Arguments: a directory that both sides share, then the settings as {@code key=value}.
 */
public final class Exchange {

    private Exchange() {}

    public static void main(String[] arguments) throws Exception {
        final List<String> settings = Arrays.asList(arguments).subList(1, arguments.length);
        final Participant participant =
                new Participant(Conversation.configuration(settings), Path.of(arguments[0]));
        Conversation.hold(participant::take);
    }
}
