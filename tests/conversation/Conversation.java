package io.flinkkubeha.tests;

import org.apache.flink.configuration.Configuration;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A test program's talk with the rig: one step for each line on the standard input, and one line of
 * JSON in answer to it, which is what the step has returned or how it has failed.
 */
public final class Conversation {

    private Conversation() {}

    /** What a program can do. */
    public interface Steps {
        Object take(String step) throws Exception;
    }

    /** The settings among a program's arguments, which come as {@code key=value}. */
    public static Configuration configuration(List<String> settings) {
        final Configuration configuration = new Configuration();
        for (String setting : settings) {
            final int separator = setting.indexOf('=');
            configuration.setString(
                    setting.substring(0, separator), setting.substring(separator + 1));
        }
        return configuration;
    }

    /** Takes steps until there are no more, and ends the JVM. */
    public static void hold(Steps program) throws Exception {
        final ObjectMapper mapper = new ObjectMapper();
        final PrintStream answers = new PrintStream(System.out, true, "UTF-8");
        // Nothing but answers gets there.
        System.setOut(System.err);
        final BufferedReader steps =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String step = steps.readLine(); step != null; step = steps.readLine()) {
            answers.println(mapper.writeValueAsString(take(program, step)));
        }
        System.exit(0);
    }

    private static Map<String, Object> take(Steps program, String step) {
        final Map<String, Object> answer = new LinkedHashMap<>();
        try {
            answer.put("answer", program.take(step));
        } catch (Throwable t) {
            final StringWriter text = new StringWriter();
            t.printStackTrace(new PrintWriter(text, true));
            answer.put("failure", text.toString());
        }
        return answer;
    }
}
