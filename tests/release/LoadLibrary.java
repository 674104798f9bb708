package io.flinkkubeha.tests;

import io.flinkkubeha.bridge.NativeLibrary;

/** Loads the library out of the jar, as a JobManager does before anything else. */
public final class LoadLibrary {

    private LoadLibrary() {}

    public static void main(String[] arguments) throws Exception {
        NativeLibrary.load();
        System.out.println(
                "loaded "
                        + NativeLibrary.version()
                        + " on "
                        + System.getProperty("os.arch")
                        + ", Java "
                        + System.getProperty("java.version"));
    }
}
