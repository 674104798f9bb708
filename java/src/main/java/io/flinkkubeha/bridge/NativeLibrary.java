/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.bridge;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import javax.annotation.Nullable;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Properties;
import java.util.SortedSet;
import java.util.TreeSet;

/** Loads the native library, once in a process. */
public final class NativeLibrary {

    private static final Logger LOG = LoggerFactory.getLogger(NativeLibrary.class);

    /** Names a library to load in place of the one in the jar; never falls back. */
    static final String PATH_PROPERTY = "flinkkubeha.library.path";

    /** Where the library is unpacked for the moment of loading; default is java.io.tmpdir. */
    static final String TMPDIR_PROPERTY = "flinkkubeha.tmpdir";

    /** Tells a second class loader of this process who has loaded the library. */
    static final String LOADED_PROPERTY = "flinkkubeha.loaded-by";

    private static final String FOLDER = "/io/flinkkubeha/native/";
    private static final String FILE_SUFFIX = ".file";

    private static boolean loaded;

    private NativeLibrary() {}

    /** Does nothing if the library is loaded already. */
    public static synchronized void load() throws NativeLibraryException {
        if (loaded) {
            return;
        }
        final String me = describeLoader(NativeLibrary.class.getClassLoader());
        claim(me);
        try {
            loadFromOverrideOrJar();
            loaded = true;
        } finally {
            if (!loaded) {
                System.getProperties().remove(LOADED_PROPERTY, me);
            }
        }
    }

    /**
     * Loads the library for a caller that does something else meanwhile. It calls {@link #load()} all
     * the same, which waits for this or, where this did not succeed, says why.
     */
    public static void loadAhead() {
        try {
            load();
        } catch (NativeLibraryException e) {
            LOG.debug("The native library could not be loaded ahead.", e);
        }
    }

    /** Version of the loaded library. */
    public static String version() {
        return NativeBindings.version();
    }

    /**
     * Two class loaders would bring two copies of everything static on the native side. Flink's
     * child-first user class loader finds ours only if a user jar holds a copy of it.
     */
    private static void claim(String me) throws NativeLibraryException {
        final Object other = System.getProperties().putIfAbsent(LOADED_PROPERTY, me);
        if (other != null) {
            throw NativeLibraryException.fault(
                    String.format(
                            "The native library is in use by %s, so %s cannot load it again: "
                                    + "flink-kube-ha belongs into Flink's lib/ alone, take it out of user jars and plugins.",
                            other, me),
                    null);
        }
    }

    private static String describeLoader(@Nullable ClassLoader loader) {
        return loader == null
                ? "the boot class loader"
                : loader.getClass().getName()
                        + "@"
                        + Integer.toHexString(System.identityHashCode(loader));
    }

    private static void loadFromOverrideOrJar() throws NativeLibraryException {
        final String override = System.getProperty(PATH_PROPERTY);
        if (override == null || override.isEmpty()) {
            final NativePlatform platform = NativePlatform.current();
            final Properties list = readList();
            platform.requireOneOf(platforms(list));
            final String file = list.getProperty(platform.name() + FILE_SUFFIX);
            new NativeLibraryFile(
                            FOLDER + platform.name() + "/" + file,
                            file,
                            list.getProperty(platform.name() + ".sha256", ""))
                    .load(Paths.get(tmpdir()));
            return;
        }
        final Path file = Paths.get(override).toAbsolutePath();
        LOG.info("Loading the native library from {} ({}).", file, PATH_PROPERTY);
        try {
            System.load(file.toString());
        } catch (UnsatisfiedLinkError e) {
            throw LinkFailure.explain(file, e);
        }
    }

    private static String tmpdir() {
        return System.getProperty(TMPDIR_PROPERTY, System.getProperty("java.io.tmpdir"));
    }

    private static Properties readList() throws NativeLibraryException {
        final Properties list = new Properties();
        try (InputStream in =
                NativeLibrary.class.getResourceAsStream(FOLDER + "native.properties")) {
            if (in == null) {
                throw NativeLibraryException.fault(
                        "This jar of flink-kube-ha holds no native library; use one that `gradle jar` has built.",
                        null);
            }
            list.load(in);
        } catch (IOException e) {
            throw NativeLibraryException.fault(
                    "The jar of flink-kube-ha cannot be read: copy it into lib/ again.", e);
        }
        return list;
    }

    private static SortedSet<String> platforms(Properties list) {
        final SortedSet<String> names = new TreeSet<>();
        for (String key : list.stringPropertyNames()) {
            if (key.endsWith(FILE_SUFFIX)) {
                names.add(key.substring(0, key.length() - FILE_SUFFIX.length()));
            }
        }
        return names;
    }
}
