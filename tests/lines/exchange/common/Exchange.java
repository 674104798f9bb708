package io.flinkkubeha.tests.exchange;

import org.apache.flink.configuration.Configuration;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One side of an exchange of HA data, through nothing but what Flink itself calls.
 *
 * <p>Whose HA services it uses is a matter of the class path. It takes one step for each line on
 * its standard input and answers with one line of JSON: what it wrote or saw.
 *
 * <p>Arguments: a directory that both sides share, then the settings as {@code key=value}.
 */
public final class Exchange {

    private Exchange() {}

    public static void main(String[] arguments) throws Exception {
        final Configuration configuration = new Configuration();
        for (int i = 1; i < arguments.length; i++) {
            final int separator = arguments[i].indexOf('=');
            configuration.setString(
                    arguments[i].substring(0, separator), arguments[i].substring(separator + 1));
        }
        final ObjectMapper mapper = new ObjectMapper();
        final PrintStream answers = new PrintStream(System.out, true, "UTF-8");
        // Nothing but answers gets there.
        System.setOut(System.err);
        final BufferedReader steps =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        final Participant participant = new Participant(configuration, Path.of(arguments[0]));
        for (String step = steps.readLine(); step != null; step = steps.readLine()) {
            answers.println(mapper.writeValueAsString(take(participant, step)));
        }
        System.exit(0);
    }

    private static Map<String, Object> take(Participant participant, String step) {
        final Map<String, Object> answer = new LinkedHashMap<>();
        try {
            answer.put("answer", participant.take(step));
        } catch (Throwable t) {
            final StringWriter text = new StringWriter();
            t.printStackTrace(new PrintWriter(text, true));
            answer.put("failure", text.toString());
        }
        return answer;
    }
}
